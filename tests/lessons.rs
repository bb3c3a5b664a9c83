//! Every lesson is proven, three seeds each; `tests::proof` says what that means.
//!
//! Always: a test proves the lessons whose files begin as it says, so that they run side by side; no file is forgotten.

use lessons::author::{Authored, read_course};
use std::path::Path;
use tests::proof;

fn course() -> Vec<Authored> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lessons");
    read_course(&root).unwrap_or_else(|fault| panic!("{fault}"))
}

fn is_of(authored: &Authored, files: &str) -> bool {
    authored.file.strip_prefix("course/").is_some_and(|file| file.starts_with(files))
}

fn prove(files: &str) {
    let faults: Vec<String> = course().iter().filter(|it| is_of(it, files)).flat_map(proof::faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

macro_rules! proofs {
    ($($name:ident $files:literal)*) => {
        $(#[test] fn $name() { prove($files); })*

        #[test]
        fn every_lesson_is_proven_once() {
            let course = course();
            assert!(course.len() >= 32, "the course has lost lessons: {}", course.len());
            for authored in &course {
                let count = [$($files),*].iter().filter(|files| is_of(authored, files)).count();
                assert_eq!(count, 1, "{} is proven {count} times", authored.file);
            }
        }
    };
}

proofs! {
    sandboxes "00"
    links_and_routes "01"
    names "02"
    namespaces "03"
    netfilter "04"
    pod_network_by_hand "07-pod-network/1"
    pod_network_by_plugins "07-pod-network/2"
    pod_network_over_tunnels "07-pod-network/3"
    pod_network_of_the_control_plane "07-pod-network/4"
    cluster_ip "08-services/1"
    node_port "08-services/2"
    load_balancer "08-services/3"
    headless_services "08-services/4"
    readiness "08-services/5"
    kube_proxy "08-services/6"
    chains "08-services/7"
    questions_of_resolvers "09-names-in-the-cluster/1"
    corefile "09-names-in-the-cluster/2"
    dns_policy "09-names-in-the-cluster/3"
    sidecars "13-proxies-and-mesh/1"
    exam_tasks_of_pods "14-exam-tasks/0"
    exam_tasks_of_services "14-exam-tasks/1"
    exam_tasks_of_nodes "14-exam-tasks/2"
}
