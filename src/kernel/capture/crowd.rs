//! The same for many things at once.
//!
//! For each ring that is made or taken down, the kernel waits until no processor can still be using the old one: some
//! 10 ms in which nothing happens. For a hundred namespaces one after the other that is seconds, and together it is not.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Threads that wait at the same time.
const THREADS: usize = 32;

/// Does it for each, in threads that end with it; the results come in the order of the things.
pub(super) fn each<T: Send, R: Send>(things: Vec<T>, act: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = things.len().min(THREADS);
    let waiting = Mutex::new(things.into_iter().enumerate());
    // Not within the loop's head, which would keep the lock while the work is done.
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        let mut done = Vec::new();
        while let Some((place, thing)) = next() {
            done.push((place, act(thing)));
        }
        done
    };
    let mut all: Vec<(usize, R)> = thread::scope(|scope| {
        let others: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        others
            .into_iter()
            .flat_map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_done_at_the_same_time() {
        // Each waits for the others: one after the other, none would ever end.
        let barrier = std::sync::Barrier::new(THREADS);
        assert_eq!(each(vec![(); THREADS], |()| barrier.wait()).len(), THREADS);
    }

    #[test]
    fn results_come_in_the_order_of_the_things() {
        assert_eq!(
            each((0..1000).collect(), |number: u32| number * 2),
            (0..1000).map(|n| n * 2).collect::<Vec<_>>()
        );
        assert_eq!(each(Vec::<u32>::new(), |number| number), [0; 0]);
    }
}
