//! Several conversations at once in one process, as a server with threads has them.
//!
//! Always: they go on in the order in which they began, and only those for which something has come: a system call was
//! answered, or [`seen`] is to look again. At most [`CONVERSATIONS`] at a time, further ones are hung up.
//! Differs from Linux: all of them are one thread of one process.

use crate::socket::Socket;
use std::cell::{OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

/// A connection beyond this many is closed at once.
const CONVERSATIONS: usize = 1024;

/// Whether a conversation may go on, and whom else to tell so: the one that runs its crew.
#[derive(Default)]
struct Call {
    came: AtomicBool,
    outer: OnceLock<Waker>,
}

impl Wake for Call {
    fn wake(self: Arc<Call>) {
        self.came.store(true, Ordering::Relaxed);
        if let Some(outer) = self.outer.get() {
            outer.wake_by_ref();
        }
    }
}

struct Conversation {
    call: Arc<Call>,
    waker: Waker,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

impl Conversation {
    fn new(future: impl Future<Output = ()> + 'static) -> Conversation {
        let call = Arc::new(Call { came: AtomicBool::new(true), outer: OnceLock::new() });
        Conversation { waker: Waker::from(Arc::clone(&call)), call, future: Box::pin(future) }
    }

    /// Goes on as far as it can; true once it has ended.
    fn goes_on(&mut self, outer: &Waker) -> bool {
        if !self.call.came.swap(false, Ordering::Relaxed) {
            return false;
        }
        self.call.outer.get_or_init(|| outer.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready()
    }
}

#[derive(Default)]
struct All {
    conversations: RefCell<Vec<Conversation>>,
    /// Of who runs the crew, and is to look at a new conversation.
    runner: OnceCell<Waker>,
}

#[derive(Clone, Default)]
pub struct Crew(Rc<All>);

impl Crew {
    pub fn add(&self, conversation: impl Future<Output = ()> + 'static) {
        let mut all = self.0.conversations.borrow_mut();
        if all.len() < CONVERSATIONS {
            all.push(Conversation::new(conversation));
            self.0.runner.get().into_iter().for_each(Waker::wake_by_ref);
        }
    }

    /// Until all conversations have ended, those begun meanwhile included.
    pub async fn run(&self) {
        poll_fn(|context| {
            self.0.runner.get_or_init(|| context.waker().clone());
            let mut kept = Vec::new();
            loop {
                // While they are polled, they may add to the crew.
                let mut batch = std::mem::take(&mut *self.0.conversations.borrow_mut());
                if batch.is_empty() {
                    break;
                }
                batch.retain_mut(|it| !it.goes_on(context.waker()));
                match kept.is_empty() {
                    true => kept = batch,
                    false => kept.append(&mut batch),
                }
            }
            let over = kept.is_empty();
            *self.0.conversations.borrow_mut() = kept;
            if over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Accepts for ever; each connection becomes a conversation.
    pub async fn serve<C>(self, listener: Socket, converse: impl Fn(Socket, SocketAddr) -> C)
    where
        C: Future<Output = ()> + 'static,
    {
        while let Ok((connection, peer)) = listener.accept().await {
            self.add(converse(connection, peer));
        }
    }
}

/// Waits for what another conversation of the process leaves behind; it is looked for whenever the process runs.
pub async fn seen<T>(mut look: impl FnMut() -> Option<T>) -> T {
    poll_fn(|context| match look() {
        Some(found) => Poll::Ready(found),
        None => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_begun_by_others_are_held_too() {
        let (crew, log) = (Crew::default(), Rc::new(RefCell::new(Vec::new())));
        for name in ["a", "b"] {
            let (inner, log) = (crew.clone(), log.clone());
            crew.add(async move {
                log.borrow_mut().push(name.to_owned());
                let later = log.clone();
                inner.add(async move { later.borrow_mut().push(format!("{name}'s")) });
            });
        }
        let mut all = Box::pin(crew.run());
        assert!(all.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        assert_eq!(*log.borrow(), ["a", "b", "a's", "b's"]);
    }

    #[test]
    fn only_those_go_on_for_which_something_has_come() {
        let (crew, looks, left) =
            (Crew::default(), Rc::new(RefCell::new([0; 2])), Rc::new(RefCell::new(None)));
        let (counted, wanted) = (looks.clone(), left.clone());
        crew.add(async move {
            seen(|| {
                counted.borrow_mut()[0] += 1;
                wanted.borrow_mut().take()
            })
            .await
        });
        let counted = looks.clone();
        crew.add(async move {
            poll_fn(|_| {
                counted.borrow_mut()[1] += 1;
                Poll::<()>::Pending
            })
            .await;
        });
        let mut all = Box::pin(crew.run());
        for _ in 0..3 {
            assert!(all.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(*looks.borrow(), [3, 1]);
        *left.borrow_mut() = Some(());
        assert!(all.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(*looks.borrow(), [4, 1]);
    }
}
