//! Answers that the proxy gives itself: their bodies, and how the configuration maps them.
//!
//! Source: Envoy's documentation "Local reply modification".

use crate::access_log::{self, Layout, Subject};
use crate::config::hcm as config;
use crate::http::HeaderMap;
use crate::random::Random;
use crate::route::Mutations;
use crate::source::{self, ReadFile};

#[derive(Clone, Debug)]
struct Mapper {
    filter: access_log::Condition,
    status: Option<u16>,
    body: Option<String>,
    layout: Option<(Layout, String)>,
    headers: Mutations,
}

/// The compiled `local_reply_config`.
#[derive(Clone, Debug, Default)]
pub struct LocalReplies {
    mappers: Vec<Mapper>,
    layout: Option<(Layout, String)>,
}

fn layout(
    config: &crate::config::core::SubstitutionFormatString,
    read: ReadFile<'_>,
) -> Result<(Layout, String), String> {
    let layout = Layout::new(config, read)?;
    let default = if matches!(layout, Layout::Json(_)) { "application/json" } else { "text/plain" };
    let content_type = if config.content_type.is_empty() { default } else { &config.content_type };
    Ok((layout, content_type.to_owned()))
}

impl LocalReplies {
    /// Compiles a configuration.
    pub fn new(
        config: Option<&config::LocalReplyConfig>,
        read: ReadFile<'_>,
    ) -> Result<LocalReplies, String> {
        let Some(config) = config else { return Ok(LocalReplies::default()) };
        let mapper = |it: &config::ResponseMapper| {
            Ok(Mapper {
                filter: access_log::Condition::new(&it.filter)?,
                status: it.status_code.map(|it| it as u16),
                body: it.body.as_ref().map(|it| source::text(it, read)).transpose()?,
                layout: it.body_format_override.as_ref().map(|it| layout(it, read)).transpose()?,
                headers: Mutations::new(&it.headers_to_add, &[])?,
            })
        };
        Ok(LocalReplies {
            mappers: config.mappers.iter().map(mapper).collect::<Result<_, String>>()?,
            layout: config.body_format.as_ref().map(|it| layout(it, read)).transpose()?,
        })
    }

    /// Maps a reply: its headers (with the status among them) and body become what the configuration says. Returns the
    /// status and the body.
    pub fn rewrite(
        &self,
        subject: &Subject<'_>,
        random: &mut Random,
        headers: &mut HeaderMap,
        body: String,
    ) -> (u16, String) {
        let (mut status, mut body) = (subject.info.code, body);
        let mapper = self.mappers.iter().find(|it| it.filter.holds(subject, random));
        if let Some(mapper) = mapper {
            if let Some(new) = &mapper.body {
                body = new.clone();
            }
            let values = mapper.headers.evaluate(subject);
            mapper.headers.apply(&values, headers);
            if let Some(new) = mapper.status {
                status = new;
                headers.set(":status", new.to_string());
            }
        }
        let layout = mapper.and_then(|it| it.layout.as_ref()).or(self.layout.as_ref());
        if let Some((layout, content_type)) = layout {
            let mut info = subject.info.clone();
            info.code = status;
            let subject = Subject { info: &info, body: &body, ..*subject };
            let mut out = Vec::new();
            layout.write(&subject, &mut out);
            body = String::from_utf8_lossy(&out).into_owned();
            headers.set("content-type", content_type);
        } else if !body.is_empty() && !headers.contains("content-type") {
            headers.set("content-type", "text/plain");
        }
        (status, body)
    }
}
