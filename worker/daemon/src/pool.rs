//! The threads on which contracts run: a fixed number, with a bounded queue before them.

use std::sync::{
    Arc, Mutex, PoisonError,
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use phat_engine::Stack;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&Stack) + Send>;

/// Why a job gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// There is more to do than fits into the queue. Try again later, or ask another worker.
    #[error("the worker is overloaded")]
    Overloaded,
    /// The job ended by a bug of the worker. Trying again would meet it again.
    #[error("the worker failed by a bug of its own: its log says more")]
    Panicked,
}

/// See the [module's documentation](self). The threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Pool {
    jobs: SyncSender<Job>,
}

impl Pool {
    /// Starts so many threads, with room for so many jobs that wait.
    pub fn new(threads: usize, waiting: usize) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job>(waiting);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads {
            let queue = queue.clone();
            // not joined: they end when nobody can send them anything any more
            let _thread = Stack::spawn(format!("contract-{number}"), move |stack| work(&queue, stack))?;
        }
        Ok(Self { jobs })
    }

    /// Runs a job on one of the threads. A job whose caller has gone before its turn is dropped.
    pub async fn run<R: Send + 'static>(&self, job: impl FnOnce(&Stack) -> R + Send + 'static) -> Result<R, PoolError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |stack| {
            // under load clients give up: what nobody waits for would only delay the others
            if !answer.is_closed() {
                let _gone = answer.send(job(stack));
            }
        });
        match self.jobs.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return Err(PoolError::Overloaded),
        }
        // the sender goes without an answer only if the job panicked
        answered.await.map_err(|_| PoolError::Panicked)
    }
}

fn work(queue: &Mutex<Receiver<Job>>, stack: &Stack) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let _its_caller_hears_of_it = guarded(|| job(stack));
    }
}

/// Runs a job so that its panic is its own.
pub fn guarded<R>(job: impl FnOnce() -> R) -> Result<R, PoolError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).map_err(|_| {
        tracing::error!("a job panicked: this is a bug, please report it with the lines above");
        PoolError::Panicked
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn jobs_run_and_a_full_queue_says_so() {
        let pool = Pool::new(1, 1).unwrap();
        assert_eq!(pool.run(|_| 7).await, Ok(7));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (running, is_running) = std::sync::mpsc::channel();
        let busy = pool.clone();
        let first = tokio::spawn(async move {
            busy.run(move |_| {
                running.send(()).unwrap();
                wait.recv().unwrap();
            })
            .await
        });
        is_running.recv().unwrap();
        let other = pool.clone();
        let second = tokio::spawn(async move { other.run(|_| ()).await });
        while pool.jobs.try_send(Box::new(|_| ())).is_ok() {}
        assert_eq!(pool.run(|_| ()).await, Err(PoolError::Overloaded));
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(()));
        let _either = second.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_ends_its_job_only() {
        let pool = Pool::new(1, 4).unwrap();
        assert_eq!(pool.run(|_| panic!("on purpose")).await, Err::<(), _>(PoolError::Panicked));
        assert_eq!(pool.run(|_| 1).await, Ok(1));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_nobody_waits_for_is_not_run() {
        let pool = Pool::new(1, 4).unwrap();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let busy = pool.clone();
        let first = tokio::spawn(async move { busy.run(move |_| wait.recv().unwrap()).await });
        while pool.jobs.try_send(Box::new(|_| ())).is_err() {
            tokio::task::yield_now().await;
        }
        let ran = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (other, notes) = (pool.clone(), ran.clone());
        let second =
            tokio::spawn(
                async move { other.run(move |_| notes.store(true, std::sync::atomic::Ordering::SeqCst)).await },
            );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        assert_eq!(pool.run(|_| 1).await, Ok(1));
        assert!(!ran.load(std::sync::atomic::Ordering::SeqCst));
    }
}
