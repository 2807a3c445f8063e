use insta::assert_snapshot;

use super::*;
use crate::render::walk::sample;

fn size(columns: usize, rows: usize) -> Size {
    Size { columns, rows, style: Style::Plain }
}

/// A page of a story on such a screen.
fn page(story: &Story, number: usize, size: Size) -> String {
    let mut book = Book::new(story);
    (1..number).for_each(|_| book.turn(Turn::Next));
    let rows = book.screen(size);
    assert_eq!(rows.len(), size.rows);
    assert!(rows.iter().all(|row| row.chars().count() <= size.columns), "{rows:#?}");
    rows.join("\n")
}

#[test]
fn the_first_step_has_nothing_before_it() {
    assert_snapshot!(page(&sample::answered(), 1, size(80, 24)), @r"
    pod1 → pod4: an ICMP echo request                                   step 1 of 13
    REQUEST  [pod1] ── node1 ── fabric ── node2 ── pod4
             [eth0]
    ────────────────────────────────────────────────────────────────────────────────
    pod1 eth0 out: its cable to node1 cbr0
    after ARP: who has 10.244.1.1? node1 cbr0

    here it begins: 98 bytes
      Ethernet  pod1
             →  node1 cbr0
      IPv4      10.244.1.2 pod1
             →  10.244.2.3 pod4
                TTL 64, 84 bytes, DF
                ICMP echo request

    what pod1's kernel says when it is asked
      · route: 10.244.2.3 via 10.244.1.1 (node1 cbr0) dev eth0






    → next   ← back   Home first   End last   ↑ ↓ move   q leave
    ");
}

#[test]
fn what_a_router_does_is_marked() {
    assert_snapshot!(page(&sample::answered(), 4, size(80, 24)), @r"
    pod1 → pod4: an ICMP echo request                                   step 4 of 13
    REQUEST  pod1 ── [node1] ── fabric ── node2 ── pod4
             veth1 → cbr0 → [flannel.1] → eth0
    ────────────────────────────────────────────────────────────────────────────────
    node1 flannel.1 out: into the VXLAN tunnel

    before: node1 cbr0 in, 98 bytes        │ now: node1 flannel.1 out, 98 bytes
      Ethernet  pod1                       │ * Ethernet  node1 flannel.1
             →  node1 cbr0                 │ *        →  node2 flannel.1
      IPv4      10.244.1.2 pod1            │   IPv4      10.244.1.2 pod1
             →  10.244.2.3 pod4            │          →  10.244.2.3 pod4
                TTL 64, 84 bytes, DF       │ *           TTL 63, 84 bytes, DF
                ICMP echo request          │             ICMP echo request

    what has changed
      MACs rewritten: node1 flannel.1 → node2 flannel.1
      TTL 64 → 63
    what node1's kernel says when it is asked
      · route: 10.244.2.3 via 10.244.2.0 dev flannel.1
      · neighbour: 10.244.2.0 is node2 flannel.1 (permanent)
      · sysctl: net.ipv4.ip_forward = 1


    → next   ← back   Home first   End last   ↑ ↓ move   q leave
    ");
}

#[test]
fn what_is_wrapped_stands_beside_what_it_was() {
    assert_snapshot!(page(&sample::answered(), 5, size(80, 32)), @r"
    pod1 → pod4: an ICMP echo request                                   step 5 of 13
    REQUEST  pod1 ── [node1] ── fabric ── node2 ── pod4
             veth1 → cbr0 → flannel.1 → [eth0]
    ────────────────────────────────────────────────────────────────────────────────
    node1 eth0 out: its cable to fabric underlay

    before: node1 flannel.1 out, 98 bytes  │ now: node1 eth0 out, 148 bytes
                                           │ * Ethernet  node1 eth0
                                           │ *        →  node2 eth0
                                           │ * IPv4      192.168.66.11 node1 eth0
                                           │ *        →  192.168.66.12 node2 eth0
                                           │ *           TTL 64, 134 bytes, DF
                                           │ *           VXLAN 1
      Ethernet  node1 flannel.1            │   Ethernet  node1 flannel.1
             →  node2 flannel.1            │          →  node2 flannel.1
      IPv4      10.244.1.2 pod1            │   IPv4      10.244.1.2 pod1
             →  10.244.2.3 pod4            │          →  10.244.2.3 pod4
                TTL 63, 84 bytes, DF       │             TTL 63, 84 bytes, DF
                ICMP echo request          │             ICMP echo request

    what has changed
      wrapped, +50 bytes: VXLAN 1 192.168.66.11 → 192.168.66.12
    what node1's kernel says when it is asked
      · FDB: flannel.1 knows node2 flannel.1 behind 192.168.66.12 (node2 eth0)







    → next   ← back   Home first   End last   ↑ ↓ move   q leave
    ");
}

#[test]
fn what_is_unwrapped_has_lost_its_outside() {
    assert_snapshot!(page(&sample::answered(), 8, size(80, 32)), @r"
    pod1 → pod4: an ICMP echo request                                   step 8 of 13
    REQUEST  pod1 ── node1 ── fabric ── [node2] ── pod4
             eth0 → [flannel.1] → cbr0 → veth4
    ────────────────────────────────────────────────────────────────────────────────
    node2 flannel.1 in: out of the VXLAN tunnel

    before: node2 eth0 in, 148 bytes       │ now: node2 flannel.1 in, 98 bytes
    - Ethernet  node1 eth0                 │
    -        →  node2 eth0                 │
    - IPv4      192.168.66.11 node1 eth0   │
    -        →  192.168.66.12 node2 eth0   │
    -           TTL 64, 134 bytes, DF      │
    -           VXLAN 1                    │
      Ethernet  node1 flannel.1            │   Ethernet  node1 flannel.1
             →  node2 flannel.1            │          →  node2 flannel.1
      IPv4      10.244.1.2 pod1            │   IPv4      10.244.1.2 pod1
             →  10.244.2.3 pod4            │          →  10.244.2.3 pod4
                TTL 63, 84 bytes, DF       │             TTL 63, 84 bytes, DF
                ICMP echo request          │             ICMP echo request

    what has changed
      unwrapped, −50 bytes









    → next   ← back   Home first   End last   ↑ ↓ move   q leave
    ");
}

#[test]
fn a_narrow_screen_has_one_below_the_other() {
    assert_snapshot!(page(&sample::answered(), 4, size(40, 40)), @r"
    pod1 → pod4: an ICMP echo request
    step 4 of 13
    REQUEST  pod1 ── [node1] ── fabric ──
             node2 ── pod4
             veth1 → cbr0 → [flannel.1] →
             eth0
    ────────────────────────────────────────
    node1 flannel.1 out: into the VXLAN
    tunnel

    before: node1 cbr0 in, 98 bytes
      Ethernet  pod1
             →  node1 cbr0
      IPv4      10.244.1.2 pod1
             →  10.244.2.3 pod4
                TTL 64, 84 bytes, DF
                ICMP echo request
    now: node1 flannel.1 out, 98 bytes
    * Ethernet  node1 flannel.1
    *        →  node2 flannel.1
      IPv4      10.244.1.2 pod1
             →  10.244.2.3 pod4
    *           TTL 63, 84 bytes, DF
                ICMP echo request

    what has changed
      MACs rewritten: node1 flannel.1 →
      node2 flannel.1
      TTL 64 → 63
    what node1's kernel says when it is
    asked
      · route: 10.244.2.3 via 10.244.2.0 dev
      flannel.1
      · neighbour: 10.244.2.0 is node2
      flannel.1 (permanent)
      · sysctl: net.ipv4.ip_forward = 1



    → next  ← back  ↑↓ move  q leave
    ");
}

#[test]
fn the_last_page_says_what_came_of_it() {
    assert_snapshot!(page(&sample::answered(), 14, size(80, 10)), @r"
    pod1 → pod4: an ICMP echo request                                        the end
    ────────────────────────────────────────────────────────────────────────────────
    delivered and answered: 2 routing steps, no translation, 1 encapsulation, 1 ARP
    exchange





    → next   ← back   Home first   End last   ↑ ↓ move   q leave
    ");
    assert_snapshot!(page(&sample::lost(), 9, size(40, 24)), @r"
    pod1 → pod4: an ICMP echo request
    the end
    ────────────────────────────────────────
    the packet was lost after step 8, node2
    flannel.1
    evidence  IpForwDatagrams: 0 more;
              <none>
    likely    node2 does not forward IPv4:
              net.ipv4.ip_forward = 0
    show      netlab exec node2 -- sysctl ne
    t.ipv4.ip_forward
    mend      netlab exec node2 -- sysctl -w
     net.ipv4.ip_forward=1










    → next  ← back  ↑↓ move  q leave
    ");
}

#[test]
fn a_place_where_it_was_lost_is_marked() {
    let page = page(&sample::lost(), 8, size(80, 24));
    assert!(page.contains("REQUEST  pod1 ── node1 ── fabric ── [node2] ──x"), "{page}");
}

#[test]
fn colours_say_what_marks_say() {
    let story = sample::answered();
    let mut book = Book::new(&story);
    (1..4).for_each(|_| book.turn(Turn::Next));
    let rows = book.screen(Size { columns: 80, rows: 24, style: Style::Coloured });
    let ttl = rows.iter().find(|row| row.contains("TTL 63, ")).expect("a row");
    assert!(ttl.ends_with("\u{1b}[32m*           TTL 63, 84 bytes, DF\u{1b}[0m"), "{ttl:?}");
}

#[test]
fn a_page_that_is_too_long_is_moved() {
    let story = sample::answered();
    let mut book = Book::new(&story);
    (1..5).for_each(|_| book.turn(Turn::Next));
    let small = size(80, 16);
    let first = book.screen(small);
    assert!(first[15].ends_with("↓ more"), "{first:#?}");
    book.turn(Turn::Down);
    let second = book.screen(small);
    assert_eq!(first[..4], second[..4], "the head stays");
    assert_eq!(first[5], second[4], "the rest moves");
    (0..100).for_each(|_| book.turn(Turn::Down));
    let last = book.screen(small);
    assert!(last[14].starts_with("  · FDB: flannel.1 knows"), "{last:#?}");
    assert!(last[15].ends_with("↑ more"), "{last:#?}");
    book.turn(Turn::Up);
    assert_ne!(book.screen(small), last, "it did not go on counting below its end");
    book.turn(Turn::Next);
    book.turn(Turn::Back);
    assert_eq!(book.screen(small), first, "a page begins at its top");
}

#[test]
fn there_is_nothing_before_the_first_and_after_the_last_page() {
    let story = sample::answered();
    let mut book = Book::new(&story);
    let mut at = |turn: Turn| {
        book.turn(turn);
        book.screen(size(80, 24)).concat()
    };
    assert!(at(Turn::Back).contains("step 1 of 13"));
    assert!(at(Turn::Next).contains("step 2 of 13"));
    assert!(at(Turn::Last).contains("the end"));
    assert!(at(Turn::Next).contains("the end"));
    assert!(at(Turn::Back).contains("step 13 of 13"));
    assert!(at(Turn::First).contains("step 1 of 13"));
}

#[test]
fn every_size_can_be_drawn() {
    for story in [sample::answered(), sample::lost(), sample::refused()] {
        for (columns, rows) in [(1, 1), (2, 3), (10, 5), (33, 9), (69, 24), (70, 24), (300, 100)] {
            (1..16).for_each(|number| drop(page(&story, number, size(columns, rows))));
        }
    }
}

#[test]
fn a_packet_in_pieces_says_so() {
    let mut story = sample::answered();
    story.ways[0].steps[4].pieces = 3;
    assert!(page(&story, 5, size(80, 32)).contains("in 3 pieces, of which this is the first"));
    assert!(!page(&story, 4, size(80, 32)).contains("pieces"));
}
