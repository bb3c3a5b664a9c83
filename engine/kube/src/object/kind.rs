//! The kinds the API serves: their names, groups, short names, verbs, and where their schema stands.
//!
//! Always: the order is that of a real server's discovery: core first, then group by group.
//! Differs from Kubernetes: kinds marked as `Served::Named` are listed and found empty; making one is refused as
//! not simulated.

use super::schema::{TypeId, schema};

/// How far a kind is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// With schema, defaults and validation.
    Whole,
    /// In discovery and as an empty list only.
    Named,
    /// No object is kept: reviews, bindings.
    Answer,
}

#[derive(Debug)]
pub struct Resource {
    pub kind: Kind,
    pub name: &'static str,
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub short: &'static [&'static str],
    pub namespaced: bool,
    pub in_all: bool,
    pub served: Served,
    /// Type in the schema, as `core.Pod`.
    pub schema: &'static str,
}

macro_rules! kinds {
    ($($kind:ident $group:literal $version:literal $plural:literal [$($short:literal)*] $scope:ident $all:ident $served:ident $schema:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($kind),* }
        pub const KINDS: &[Resource] = &[$(Resource {
            kind: Kind::$kind,
            name: stringify!($kind),
            group: $group,
            version: $version,
            plural: $plural,
            short: &[$($short),*],
            namespaced: kinds!(@scope $scope),
            in_all: kinds!(@all $all),
            served: Served::$served,
            schema: $schema,
        }),*];
    };
    (@scope ns) => { true };
    (@scope cluster) => { false };
    (@all all) => { true };
    (@all no) => { false };
}

kinds! {
    Binding "" "v1" "bindings" [] ns no Answer "core.Binding";
    ComponentStatus "" "v1" "componentstatuses" ["cs"] cluster no Named "";
    ConfigMap "" "v1" "configmaps" ["cm"] ns no Whole "core.ConfigMap";
    Endpoints "" "v1" "endpoints" ["ep"] ns no Whole "core.Endpoints";
    Event "" "v1" "events" ["ev"] ns no Whole "core.Event";
    LimitRange "" "v1" "limitranges" ["limits"] ns no Named "";
    Namespace "" "v1" "namespaces" ["ns"] cluster no Whole "core.Namespace";
    Node "" "v1" "nodes" ["no"] cluster no Whole "core.Node";
    PersistentVolumeClaim "" "v1" "persistentvolumeclaims" ["pvc"] ns no Named "core.PersistentVolumeClaim";
    PersistentVolume "" "v1" "persistentvolumes" ["pv"] cluster no Named "";
    Pod "" "v1" "pods" ["po"] ns all Whole "core.Pod";
    PodTemplate "" "v1" "podtemplates" [] ns no Named "core.PodTemplate";
    ReplicationController "" "v1" "replicationcontrollers" ["rc"] ns all Named "";
    ResourceQuota "" "v1" "resourcequotas" ["quota"] ns no Named "";
    Secret "" "v1" "secrets" [] ns no Whole "core.Secret";
    ServiceAccount "" "v1" "serviceaccounts" ["sa"] ns no Whole "core.ServiceAccount";
    Service "" "v1" "services" ["svc"] ns all Whole "core.Service";
    MutatingWebhookConfiguration "admissionregistration.k8s.io" "v1" "mutatingwebhookconfigurations" [] cluster no Named "";
    ValidatingAdmissionPolicy "admissionregistration.k8s.io" "v1" "validatingadmissionpolicies" [] cluster no Named "";
    ValidatingWebhookConfiguration "admissionregistration.k8s.io" "v1" "validatingwebhookconfigurations" [] cluster no Named "";
    CustomResourceDefinition "apiextensions.k8s.io" "v1" "customresourcedefinitions" ["crd" "crds"] cluster no Named "";
    APIService "apiregistration.k8s.io" "v1" "apiservices" [] cluster no Named "";
    ControllerRevision "apps" "v1" "controllerrevisions" [] ns no Whole "apps.ControllerRevision";
    DaemonSet "apps" "v1" "daemonsets" ["ds"] ns all Whole "apps.DaemonSet";
    Deployment "apps" "v1" "deployments" ["deploy"] ns all Whole "apps.Deployment";
    ReplicaSet "apps" "v1" "replicasets" ["rs"] ns all Whole "apps.ReplicaSet";
    StatefulSet "apps" "v1" "statefulsets" ["sts"] ns all Whole "apps.StatefulSet";
    SelfSubjectReview "authentication.k8s.io" "v1" "selfsubjectreviews" [] cluster no Answer "";
    TokenReview "authentication.k8s.io" "v1" "tokenreviews" [] cluster no Answer "";
    LocalSubjectAccessReview "authorization.k8s.io" "v1" "localsubjectaccessreviews" [] ns no Answer "";
    SelfSubjectAccessReview "authorization.k8s.io" "v1" "selfsubjectaccessreviews" [] cluster no Answer "";
    SelfSubjectRulesReview "authorization.k8s.io" "v1" "selfsubjectrulesreviews" [] cluster no Answer "";
    SubjectAccessReview "authorization.k8s.io" "v1" "subjectaccessreviews" [] cluster no Answer "";
    HorizontalPodAutoscaler "autoscaling" "v2" "horizontalpodautoscalers" ["hpa"] ns all Named "";
    CronJob "batch" "v1" "cronjobs" ["cj"] ns all Named "batch.CronJob";
    Job "batch" "v1" "jobs" [] ns all Whole "batch.Job";
    CertificateSigningRequest "certificates.k8s.io" "v1" "certificatesigningrequests" ["csr"] cluster no Named "";
    Lease "coordination.k8s.io" "v1" "leases" [] ns no Whole "coordination.Lease";
    EndpointSlice "discovery.k8s.io" "v1" "endpointslices" [] ns no Whole "discovery.EndpointSlice";
    FlowSchema "flowcontrol.apiserver.k8s.io" "v1" "flowschemas" [] cluster no Named "";
    PriorityLevelConfiguration "flowcontrol.apiserver.k8s.io" "v1" "prioritylevelconfigurations" [] cluster no Named "";
    GatewayClass "gateway.networking.k8s.io" "v1" "gatewayclasses" ["gc"] cluster no Whole "gateway.GatewayClass";
    Gateway "gateway.networking.k8s.io" "v1" "gateways" ["gtw"] ns no Whole "gateway.Gateway";
    GRPCRoute "gateway.networking.k8s.io" "v1" "grpcroutes" [] ns no Named "";
    HTTPRoute "gateway.networking.k8s.io" "v1" "httproutes" [] ns no Whole "gateway.HTTPRoute";
    ReferenceGrant "gateway.networking.k8s.io" "v1" "referencegrants" ["refgrant"] ns no Named "";
    IngressClass "networking.k8s.io" "v1" "ingressclasses" [] cluster no Whole "networking.IngressClass";
    Ingress "networking.k8s.io" "v1" "ingresses" ["ing"] ns no Whole "networking.Ingress";
    IPAddress "networking.k8s.io" "v1" "ipaddresses" ["ip"] cluster no Whole "networking.IPAddress";
    NetworkPolicy "networking.k8s.io" "v1" "networkpolicies" ["netpol"] ns no Whole "networking.NetworkPolicy";
    ServiceCIDR "networking.k8s.io" "v1" "servicecidrs" [] cluster no Whole "networking.ServiceCIDR";
    RuntimeClass "node.k8s.io" "v1" "runtimeclasses" [] cluster no Named "";
    PodDisruptionBudget "policy" "v1" "poddisruptionbudgets" ["pdb"] ns no Named "";
    ClusterRoleBinding "rbac.authorization.k8s.io" "v1" "clusterrolebindings" [] cluster no Whole "rbac.ClusterRoleBinding";
    ClusterRole "rbac.authorization.k8s.io" "v1" "clusterroles" [] cluster no Whole "rbac.ClusterRole";
    RoleBinding "rbac.authorization.k8s.io" "v1" "rolebindings" [] ns no Whole "rbac.RoleBinding";
    Role "rbac.authorization.k8s.io" "v1" "roles" [] ns no Whole "rbac.Role";
    DeviceClass "resource.k8s.io" "v1" "deviceclasses" [] cluster no Named "";
    ResourceClaim "resource.k8s.io" "v1" "resourceclaims" [] ns no Named "";
    ResourceClaimTemplate "resource.k8s.io" "v1" "resourceclaimtemplates" [] ns no Named "";
    ResourceSlice "resource.k8s.io" "v1" "resourceslices" [] cluster no Named "";
    PriorityClass "scheduling.k8s.io" "v1" "priorityclasses" ["pc"] cluster no Named "";
    CSIDriver "storage.k8s.io" "v1" "csidrivers" [] cluster no Named "";
    CSINode "storage.k8s.io" "v1" "csinodes" [] cluster no Named "";
    CSIStorageCapacity "storage.k8s.io" "v1" "csistoragecapacities" [] ns no Named "";
    StorageClass "storage.k8s.io" "v1" "storageclasses" ["sc"] cluster no Named "";
    VolumeAttachment "storage.k8s.io" "v1" "volumeattachments" [] cluster no Named "";
}

impl Kind {
    pub fn resource(self) -> &'static Resource {
        &KINDS[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.resource().name
    }

    /// By group, version and kind as they stand in a manifest.
    pub fn of(api_version: &str, kind: &str) -> Option<Kind> {
        KINDS.iter().find(|it| it.name == kind && it.api_version() == api_version).map(|it| it.kind)
    }

    /// By group and plural as they stand in a path.
    pub fn of_plural(group: &str, version: &str, plural: &str) -> Option<Kind> {
        let found = KINDS.iter().find(|it| it.group == group && it.version == version && it.plural == plural);
        found.map(|it| it.kind)
    }
}

impl Resource {
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// One of its kind, as kubectl says it: `pod`, `networkpolicy`.
    pub fn singular(&self) -> String {
        self.name.to_lowercase()
    }

    /// `deployments.apps`, `services`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `deployment.apps`, `service`.
    pub fn qualified_singular(&self) -> String {
        if self.group.is_empty() { self.singular() } else { format!("{}.{}", self.singular(), self.group) }
    }

    pub fn type_id(&self) -> Option<TypeId> {
        schema().find(self.schema)
    }

    pub fn verbs(&self) -> &'static [&'static str] {
        match (self.kind, self.served) {
            (_, Served::Answer) => &["create"],
            (Kind::ComponentStatus, _) => &["get", "list"],
            _ => &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        }
    }

    /// Parts of an object with a path of their own.
    pub fn subresources(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet => &["scale", "status"],
            Kind::DaemonSet | Kind::Job | Kind::Node | Kind::Service | Kind::Ingress | Kind::Gateway => {
                &["status"]
            }
            Kind::GatewayClass | Kind::HTTPRoute | Kind::ServiceCIDR => &["status"],
            Kind::Namespace => &["finalize", "status"],
            Kind::Pod => &["binding", "eviction", "ephemeralcontainers", "status"],
            _ => &[],
        }
    }

    /// Whether `metadata.generation` counts changes of the spec.
    pub fn counts_generation(&self) -> bool {
        matches!(
            self.kind,
            Kind::Deployment
                | Kind::ReplicaSet
                | Kind::DaemonSet
                | Kind::StatefulSet
                | Kind::Job
                | Kind::Pod
                | Kind::Ingress
                | Kind::IngressClass
                | Kind::NetworkPolicy
                | Kind::EndpointSlice
                | Kind::Gateway
                | Kind::GatewayClass
                | Kind::HTTPRoute
        )
    }
}
