#ifndef FLOOR_LAB_H
#define FLOOR_LAB_H

/* The subnets are /24: so many nodes on the one switch, so many pods beside a cbr0. */
#define MOST_NODES 254
#define MOST_PODS 253

/* Builds a lab in the calling process, which is PID 1 of the lab and in the fabric's namespaces. */
void build_lab(int nodes, int pods);

#endif
