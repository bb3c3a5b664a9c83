//! From a name as typed to answers: which full names are asked, in which order, and when the asking ends.
//!
//! Always: NXDOMAIN and an empty answer go on to the next name of the search list; a refusal or silence ends it.
//! Differs from glibc: no `$HOSTALIASES`.
//! Source: glibc 2.36 `resolv/res_query.c` (`res_search`, `res_query`); resolv.conf(5) on `ndots` and `search`.

use super::HostError;
use super::conf::ResolvConf;
use super::send::{Answers, Sender};
use crate::dns::{Edns, Kind, Message, Name, Rcode};
use crate::sys::Sys;
use net::Errno;

/// RESOLV_EDNS_BUFFER_SIZE
const EDNS_BYTES: u16 = 1200;

/// Why no name of the list had an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub error: HostError,
    /// What the last name of the list came to, whatever the first did.
    pub last: HostError,
    /// What the last failed exchange left in `errno`.
    pub errno: Option<Errno>,
    rcode: Rcode,
}

pub(super) struct Search<'a> {
    pub sys: &'a Sys,
    pub conf: &'a ResolvConf,
    /// One type, or A and AAAA together.
    pub kinds: &'a [Kind],
}

impl Search<'_> {
    /// `res_search`
    pub async fn search(&self, name: &str) -> Result<Answers, Failure> {
        let dots = name.matches('.').count();
        let trailing = name.ends_with('.') && !name.is_empty();
        let mut errno = None;
        let mut as_is = None;
        if dots >= self.conf.ndots as usize || trailing {
            match self.query(name).await {
                Ok(answers) => return Ok(answers),
                Err(failure) if trailing => return Err(failure),
                Err(failure) => {
                    errno = failure.errno;
                    as_is = Some(failure.error);
                }
            }
        }
        let (mut no_data, mut servfail, mut root_listed) = (false, false, false);
        let mut error = as_is.unwrap_or(HostError::HostNotFound);
        if !trailing {
            for domain in &self.conf.search {
                let domain = domain.strip_prefix('.').unwrap_or(domain);
                root_listed |= domain.is_empty();
                let failure = match self.query(&format!("{name}.{domain}")).await {
                    Ok(answers) => return Ok(answers),
                    Err(failure) => failure,
                };
                errno = failure.errno.or(errno);
                error = failure.error;
                if errno == Some(Errno::ECONNREFUSED) {
                    return Err(Failure { error: HostError::TryAgain, ..failure });
                }
                no_data |= error == HostError::NoData;
                servfail |= error == HostError::TryAgain && failure.rcode == Rcode::SERVFAIL;
                let goes_on = matches!(error, HostError::NoData | HostError::HostNotFound)
                    || (error == HostError::TryAgain && failure.rcode == Rcode::SERVFAIL);
                if !goes_on {
                    break;
                }
            }
        }
        let searched = !self.conf.search.is_empty() && !trailing;
        if (dots > 0 || !searched || !self.conf.no_tld_query) && as_is.is_none() && !root_listed {
            match self.query(name).await {
                Ok(answers) => return Ok(answers),
                Err(failure) => {
                    errno = failure.errno.or(errno);
                    error = failure.error;
                }
            }
        }
        let last = error;
        let error = match as_is {
            Some(error) => error,
            None if no_data => HostError::NoData,
            None if servfail => HostError::TryAgain,
            None => error,
        };
        Err(Failure { error, last, errno, rcode: Rcode::NOERROR })
    }

    /// `res_query`: this name as it is.
    pub async fn query(&self, name: &str) -> Result<Answers, Failure> {
        let failure = |error, errno, rcode| Err(Failure { error, last: error, errno, rcode });
        let Ok(name) = Name::parse(name.strip_suffix('.').unwrap_or(name)) else {
            return failure(HostError::NoRecovery, None, Rcode::NOERROR);
        };
        if self.conf.no_aaaa && self.kinds == [Kind::AAAA] {
            return failure(HostError::NoData, None, Rcode::NOERROR);
        }
        let mut queries = Vec::new();
        for kind in self.kinds {
            let id = self.sys.ask(|system, _| system.random.next_u32() as u16).await;
            let mut query = Message::query(id, name.clone(), *kind);
            query.flags.authentic_data = self.conf.trust_ad;
            query.edns = self.conf.edns0.then(|| Edns {
                version: 0,
                udp_size: EDNS_BYTES,
                dnssec_ok: false,
                options: Vec::new(),
            });
            queries.push(query);
        }
        match Sender::new(self.sys, self.conf, &queries).send().await {
            Err(silence) => failure(HostError::TryAgain, Some(silence.errno), silence.rcode),
            Ok(answers) => match worth(&answers) {
                Ok(()) => Ok(answers),
                Err((error, rcode)) => failure(error, None, rcode),
            },
        }
    }
}

/// Whether one of the answers holds records; else what they mean together.
fn worth((first, second): &Answers) -> Result<(), (HostError, Rcode)> {
    let one = first.as_ref().or(second.as_ref());
    let (Some(one), Some(other)) = (one, second.as_ref().or(one)) else {
        return Err((HostError::TryAgain, Rcode::NOERROR));
    };
    let useful = |message: &Message| message.rcode == Rcode::NOERROR && !message.answers.is_empty();
    if useful(one) || useful(other) {
        return Ok(());
    }
    let rcode = if one.rcode == Rcode::NOERROR { other.rcode } else { one.rcode };
    let error = match rcode {
        Rcode::NXDOMAIN => HostError::HostNotFound,
        Rcode::SERVFAIL => HostError::TryAgain,
        Rcode::NOERROR => HostError::NoData,
        _ => HostError::NoRecovery,
    };
    Err((error, one.rcode))
}
