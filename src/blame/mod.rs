//! PURE. Why a packet does not arrive, from what the kernel says of itself along the way.
