//! Kubernetes: the store, its API, controllers, kubelet, kube-proxy, CoreDNS and kubectl.
//!
//! Stands on `linux`; `world` stands on it. Always: the store is the cluster's only truth; nothing here changes the
//! network by a private door: kube-proxy writes `iptables-restore` text, the kubelet makes link and address requests.

pub mod api;
pub mod boot;
pub mod client;
pub mod cluster;
pub mod component;
pub mod controller;
pub mod dns;
pub mod feed;
pub mod flannel;
pub mod http;
pub mod klog;
pub mod kubectl;
pub mod kubelet;
pub mod object;
pub mod page;
pub mod proxy;
pub mod scheduler;
pub mod store;
pub mod validation;
pub mod view;
pub mod websocket;

use container::Image;
use container::image::Base;
use linux::Command;

/// Programs of this crate: on nodes, and in images.
pub static COMMANDS: &[&Command] = &[
    &dns::program::COREDNS,
    &component::etcd::ETCD,
    &component::etcd::ETCDCTL,
    &flannel::FLANNELD,
    &component::apiserver::KUBE_APISERVER,
    &component::controller::KUBE_CONTROLLER_MANAGER,
    &proxy::program::KUBE_PROXY,
    &component::controller::KUBE_SCHEDULER,
    &kubectl::linux::KUBECTL,
    &kubelet::KUBELET,
];

/// Images of the cluster's own parts.
#[rustfmt::skip]
pub static IMAGES: &[Image] = &[
    Image {
        repository: "ghcr.io/flannel-io/flannel", tags: &["v0*"], base: Base::Busybox,
        programs: &[
            ("/opt/bin/flanneld", "flanneld"),
            ("/sbin/iptables", "iptables"),
            ("/sbin/iptables-restore", "iptables-restore"),
            ("/sbin/iptables-save", "iptables-save"),
        ],
        bytes: 34_000_000, ..Image::NONE
    },
    Image {
        repository: "ghcr.io/flannel-io/flannel-cni-plugin", tags: &["v1*"], base: Base::Busybox,
        programs: &[("/flannel", "cni-flannel")], bytes: 5_000_000, ..Image::NONE
    },
    Image {
        repository: "registry.k8s.io/coredns/coredns", tags: &["v1*"], programs: &[("/coredns", "coredns")],
        entrypoint: &["/coredns"], bytes: 23_000_000, ..Image::NONE
    },
    Image {
        repository: "registry.k8s.io/etcd", tags: &["3*"],
        programs: &[("/usr/local/bin/etcd", "etcd"), ("/usr/local/bin/etcdctl", "etcdctl")],
        bytes: 23_000_000, ..Image::NONE
    },
    Image {
        repository: "registry.k8s.io/kube-apiserver", tags: &["v1*"],
        programs: &[("/usr/local/bin/kube-apiserver", "kube-apiserver")], bytes: 30_000_000, ..Image::NONE
    },
    Image {
        repository: "registry.k8s.io/kube-controller-manager", tags: &["v1*"],
        programs: &[("/usr/local/bin/kube-controller-manager", "kube-controller-manager")], bytes: 27_000_000, ..Image::NONE
    },
    Image {
        repository: "registry.k8s.io/kube-proxy", tags: &["v1*"], base: Base::Debian,
        programs: &[("/usr/local/bin/kube-proxy", "kube-proxy")], bytes: 31_000_000, ..Image::NONE
    },
    Image {
        repository: "registry.k8s.io/kube-scheduler", tags: &["v1*"],
        programs: &[("/usr/local/bin/kube-scheduler", "kube-scheduler")], bytes: 21_000_000, ..Image::NONE
    },
];
