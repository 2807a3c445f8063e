"""A lab of NODES Linux bridges with PODS hosts each, joined by one more: what benches/labs/mininet.rs measures.

Says `ready`, and takes the lab down when standard input ends.
"""

import sys

from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import Topo


class Lab(Topo):
    def build(self, nodes, pods):
        underlay = self.addSwitch("s0")
        for node in range(1, nodes + 1):
            bridge = self.addSwitch(f"s{node}")
            self.addLink(underlay, bridge)
            for pod in range(1, pods + 1):
                self.addLink(bridge, self.addHost(f"n{node}p{pod}"))


net = Mininet(topo=Lab(int(sys.argv[1]), int(sys.argv[2])), switch=LinuxBridge, controller=None, ipBase="10.0.0.0/8")
net.start()
print("ready", flush=True)
sys.stdin.read()
net.stop()
