//! Which lesson teaches what happened at a stop.
//!
//! Always: only a lesson that the course has is named, and not the one that is open.

use api::DropReason;
use api::journey::StopKind;
use lessons::{Course, Entry};

/// The lesson behind a stop, where there is one.
pub fn lesson<'a>(course: &'a Course, open: &str, kind: &StopKind) -> Option<&'a Entry> {
    let id = id(kind)?;
    let mut all = course.tracks.iter().flat_map(|track| &track.lessons);
    all.find(|entry| entry.id == id && entry.id != open)
}

fn id(kind: &StopKind) -> Option<&'static str> {
    match kind {
        StopKind::BridgeFlood { .. } => Some("links-switch"),
        StopKind::Nat { kind, .. } if kind.ends_with("SNAT") => Some("netns-bridge"),
        StopKind::Nat { .. } => Some("nat-publish-port"),
        StopKind::Proxy { part, .. } if part == "listener" => Some("mesh-interception"),
        StopKind::Encapsulate { .. } => Some("overlay-vxlan"),
        StopKind::Dropped { reason, .. } => behind(*reason),
        _ => None,
    }
}

fn behind(reason: DropReason) -> Option<&'static str> {
    match reason {
        DropReason::NeighFailed | DropReason::BridgeNoEgressPort | DropReason::OtherHost => {
            Some("links-switch")
        }
        DropReason::IpForwardingDisabled | DropReason::IpOutNoRoutes | DropReason::IpInNoRoutes => {
            Some("links-two-lans")
        }
        DropReason::DevReady => Some("netns-veth"),
        DropReason::NetfilterDrop | DropReason::NetfilterReject => Some("nat-publish-port"),
        DropReason::VxlanNoRemote | DropReason::VxlanVniNotFound => Some("overlay-vxlan"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lessons::{Kind, Track};

    fn course() -> Course {
        let entry = Entry {
            id: "links-switch".into(),
            kind: Kind::Lesson,
            title: "A switch learns".into(),
            track: "01-links".into(),
            order: 1,
            exams: Vec::new(),
            weight: 1,
            target_seconds: 60,
            needs: Vec::new(),
        };
        Course { tracks: vec![Track { id: "01-links".into(), title: "Links".into(), lessons: vec![entry] }] }
    }

    #[test]
    fn a_stop_leads_to_the_lesson_that_teaches_it() {
        let course = course();
        let dropped = |reason| StopKind::Dropped { reason, detail: String::new() };
        let found = lesson(&course, "netns-veth", &dropped(DropReason::NeighFailed));
        assert_eq!(found.map(|entry| entry.title.as_str()), Some("A switch learns"));
        assert_eq!(
            lesson(&course, "links-switch", &dropped(DropReason::NeighFailed)),
            None,
            "it is open already"
        );
        assert_eq!(lesson(&course, "", &dropped(DropReason::DevReady)), None, "this course does not have it");
    }
}
