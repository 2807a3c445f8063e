//! A clock that counts only the time in which somebody listened.

use std::time::{Duration, Instant};

/// So much more than planned may pass from one look to the next. Beyond that this process, or the whole machine, stood
/// still; then answers may be under way that a running machine would have delivered long ago.
const SLACK: Duration = Duration::from_millis(200);

pub(super) struct Clock {
    counted: Duration,
    looked: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { counted: Duration::ZERO, looked: Instant::now() }
    }

    /// The time now, where so much of it was to be waited.
    pub(super) fn tick(&mut self, planned: Duration) -> Duration {
        let now = Instant::now();
        self.counted += counting(now - self.looked, planned);
        self.looked = now;
        self.counted
    }
}

fn counting(passed: Duration, planned: Duration) -> Duration {
    passed.min(planned + SLACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_process_does_not_age() {
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        assert_eq!(counting(second, second), second);
        assert_eq!(counting(second / 10, hour), second / 10);
        assert_eq!(counting(hour, second), second + SLACK);
    }
}
