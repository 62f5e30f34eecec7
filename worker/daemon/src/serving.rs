//! The threads that serve connections: one executor each, on a stack that can run contracts. A question that is answered quickly is
//! answered where its bytes arrived; waking another thread for it would take longer than the answer.

use std::io;

use phat_engine::Stack;
use tokio::{
    runtime::{Builder, Handle},
    sync::watch,
};

/// See the [module's documentation](self). The threads end when it is dropped, and what they serve ends with them.
pub struct Serving {
    executors: Vec<Handle>,
    _running: watch::Sender<()>,
}

impl Serving {
    /// Starts so many threads.
    pub fn start(threads: usize) -> io::Result<Self> {
        let (running, stopped) = watch::channel(());
        let mut executors = Vec::new();
        for number in 0..threads.max(1) {
            let executor = Builder::new_current_thread().enable_all().build()?;
            executors.push(executor.handle().clone());
            let mut stopped = stopped.clone();
            // not joined: it ends when nobody can give it anything to serve any more
            let _thread = Stack::spawn(format!("http-{number}"), move |stack| {
                // an error is what it waits for: that the sender has gone
                stack.lend(|| executor.block_on(async { while stopped.changed().await.is_ok() {} }));
            })?;
        }
        Ok(Self { executors, _running: running })
    }

    /// Where connections are served.
    pub fn executors(&self) -> &[Handle] {
        &self.executors
    }
}
