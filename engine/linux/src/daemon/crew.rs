//! Several conversations at once in one process, as a server with threads has them.
//!
//! Always: they go on in the order in which they began; at most [`CONVERSATIONS`] at a time, further ones are hung up.
//! Differs from Linux: all of them are one thread of one process.

use crate::socket::Socket;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// A connection beyond this many is closed at once.
const CONVERSATIONS: usize = 1024;

type Conversation = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Clone, Default)]
pub struct Crew(Rc<RefCell<Vec<Conversation>>>);

impl Crew {
    pub fn add(&self, conversation: impl Future<Output = ()> + 'static) {
        let mut all = self.0.borrow_mut();
        if all.len() < CONVERSATIONS {
            all.push(Box::pin(conversation));
        }
    }

    /// Until all conversations have ended, those begun meanwhile included.
    pub async fn run(&self) {
        poll_fn(|context| {
            let mut kept = Vec::new();
            loop {
                // While they are polled, they may add to the crew.
                let batch = std::mem::take(&mut *self.0.borrow_mut());
                if batch.is_empty() {
                    break;
                }
                for mut conversation in batch {
                    if conversation.as_mut().poll(context).is_pending() {
                        kept.push(conversation);
                    }
                }
            }
            let over = kept.is_empty();
            *self.0.borrow_mut() = kept;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};

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
}
