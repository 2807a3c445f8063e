use insta::assert_snapshot;

use super::*;
use crate::render::walk::sample;

#[test]
fn a_packet_and_its_answer() {
    assert_snapshot!(mermaid(&sample::answered()), @r#"
    ---
    title: "pod1 → pod4: an ICMP echo request"
    ---
    sequenceDiagram
      box transparent node1
        participant at_pod1 as pod1
        participant at_node1 as node1
      end
      participant at_fabric as fabric
      box transparent node2
        participant at_node2 as node2
        participant at_pod4 as pod4
      end
      Note over at_pod1: eth0<br/>after ARP: who has 10.244.1.1? node1 cbr0<br/>route: 10.244.2.3 via 10.244.1.1 (node1 cbr0)<br/>dev eth0
      at_pod1->>at_node1: ICMP echo request<br/>10.244.1.2 → 10.244.2.3, TTL 64
      Note over at_node1: veth1 → cbr0 → flannel.1 → eth0<br/>route: 10.244.2.3 via 10.244.2.0 dev flannel.1<br/>MACs rewritten: node1 flannel.1 → node2<br/>flannel.1<br/>TTL 64 → 63<br/>FDB: flannel.1 knows node2 flannel.1 behind<br/>192.168.66.12 (node2 eth0)<br/>wrapped, +50 bytes: VXLAN 1 192.168.66.11 →<br/>192.168.66.12
      at_node1->>at_fabric: 192.168.66.11 → 192.168.66.12, VXLAN 1, around<br/>10.244.1.2 → 10.244.2.3, TTL 63
      Note over at_fabric: node1 → underlay → node2
      at_fabric->>at_node2: 192.168.66.11 → 192.168.66.12, VXLAN 1, around<br/>10.244.1.2 → 10.244.2.3, TTL 63
      Note over at_node2: eth0 → flannel.1 → cbr0 → veth4<br/>unwrapped, −50 bytes<br/>route: 10.244.2.3 dev cbr0<br/>MACs rewritten: node2 cbr0 → pod4<br/>TTL 63 → 62
      at_node2->>at_pod4: 10.244.1.2 → 10.244.2.3, TTL 62
      Note over at_pod4: eth0<br/>route: 10.244.1.2 via 10.244.2.1 (node2 cbr0)<br/>dev eth0
      at_pod4-->>at_node2: ICMP echo reply<br/>10.244.2.3 → 10.244.1.2, TTL 64
      Note over at_pod1,at_pod4: delivered and answered: 2 routing steps, no<br/>translation, 1 encapsulation, 1 ARP exchange
    "#);
}

#[test]
fn a_loss_says_where_and_why() {
    assert_snapshot!(mermaid(&sample::lost()), @r#"
    ---
    title: "pod1 → pod4: an ICMP echo request"
    ---
    sequenceDiagram
      box transparent node1
        participant at_pod1 as pod1
        participant at_node1 as node1
      end
      participant at_fabric as fabric
      participant at_node2 as node2
      participant at_pod4 as pod4
      Note over at_pod1: eth0<br/>after ARP: who has 10.244.1.1? node1 cbr0<br/>route: 10.244.2.3 via 10.244.1.1 (node1 cbr0)<br/>dev eth0
      at_pod1->>at_node1: ICMP echo request<br/>10.244.1.2 → 10.244.2.3, TTL 64
      Note over at_node1: veth1 → cbr0 → flannel.1 → eth0<br/>route: 10.244.2.3 via 10.244.2.0 dev flannel.1<br/>MACs rewritten: node1 flannel.1 → node2<br/>flannel.1<br/>TTL 64 → 63<br/>FDB: flannel.1 knows node2 flannel.1 behind<br/>192.168.66.12 (node2 eth0)<br/>wrapped, +50 bytes: VXLAN 1 192.168.66.11 →<br/>192.168.66.12
      at_node1->>at_fabric: 192.168.66.11 → 192.168.66.12, VXLAN 1, around<br/>10.244.1.2 → 10.244.2.3, TTL 63
      Note over at_fabric: node1 → underlay → node2
      at_fabric->>at_node2: 192.168.66.11 → 192.168.66.12, VXLAN 1, around<br/>10.244.1.2 → 10.244.2.3, TTL 63
      Note over at_node2: eth0 → flannel.1<br/>unwrapped, −50 bytes
      at_node2-xat_pod4: lost
      Note over at_node2: node2 flannel.1 received it, nothing left node2<br/>likely: node2 does not forward IPv4:<br/>net.ipv4.ip_forward = 0
      Note over at_pod1,at_pod4: the packet was lost after step 8, node2<br/>flannel.1
    "#);
}

#[test]
fn an_error_is_a_cross() {
    assert_snapshot!(mermaid(&sample::refused()), @r#"
    ---
    title: "pod1 → pod4: an ICMP echo request"
    ---
    sequenceDiagram
      box transparent node1
        participant at_pod1 as pod1
        participant at_node1 as node1
      end
      participant at_pod4 as pod4
      Note over at_pod1: eth0<br/>after ARP: who has 10.244.1.1? node1 cbr0<br/>route: 10.244.2.3 via 10.244.1.1 (node1 cbr0)<br/>dev eth0
      at_pod1->>at_node1: ICMP echo request<br/>10.244.1.2 → 10.244.2.3, TTL 64
      Note over at_node1: veth1 → cbr0
      at_node1-xat_pod4: lost
      Note over at_node1: node1 cbr0 received it, nothing left node1<br/>node1 asked on eth0 by ARP for 192.168.66.99,<br/>and nobody answered
      Note over at_node1: cbr0 → veth1
      at_node1--xat_pod1: ICMP network unreachable<br/>10.244.1.1 → 10.244.1.2, TTL 64
      Note over at_pod1,at_pod4: net-unreachable from 10.244.1.1#59; the packet was<br/>lost after step 3, node1 cbr0
    "#);
}

#[test]
fn a_packet_that_nobody_saw_has_its_ends() {
    let mut story = sample::lost();
    story.ways.clear();
    story.to = "fd00:244::9".to_owned();
    if let Some(lost) = &mut story.lost {
        (lost.after_step, lost.place) = (None, "pod1".to_owned());
    }
    assert_snapshot!(mermaid(&story), @r#"
    ---
    title: "pod1 → fd00:244::9: an ICMP echo request"
    ---
    sequenceDiagram
      participant at_pod1 as pod1
      participant to_fd00_244__9 as fd00:244::9
      at_pod1-xto_fd00_244__9: lost
      Note over at_pod1: node2 flannel.1 received it, nothing left node2<br/>likely: node2 does not forward IPv4:<br/>net.ipv4.ip_forward = 0
      Note over at_pod1,to_fd00_244__9: the packet was lost after step 8, node2<br/>flannel.1
    "#);
}

#[test]
fn what_mermaid_takes_for_its_own_is_escaped() {
    assert_eq!(
        escaped("a; b # <c> %%{init}%% & $$x$$"),
        "a#59; b #35; #60;c#62; #37;#37;#123;init#125;#37;#37; #38; #36;#36;x#36;#36;"
    );
    assert_eq!(
        escaped("fd00::1 → 10.0.0.0/8: it's \"so\", [x] (y)"),
        "fd00::1 → 10.0.0.0/8: it's \"so\", [x] (y)"
    );
}

#[test]
fn a_packet_in_pieces_says_so() {
    let mut story = sample::answered();
    story.ways[0].steps[4].pieces = 3;
    assert!(mermaid(&story).contains("TTL 63<br/>in 3 pieces, of which this is the first"));
}
