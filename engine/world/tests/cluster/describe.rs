//! What `kubectl describe` says of the kinds that networking meets.

use super::*;

fn described(world: &mut World, what: &str) -> String {
    run(world, "control-plane", &format!("kubectl describe {what} | sed 's/ *$//'"))
}

#[test]
fn a_service_its_slice_and_its_account_are_described_as_kubectl_does() {
    let mut world = cluster();
    create(&mut world, ECHO);
    create(
        &mut world,
        "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: NodePort
  clusterIP: 10.96.0.77
  selector: {app: web}
  trafficDistribution: PreferSameZone
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080, appProtocol: http}]
",
    );
    assert_eq!(
        described(&mut world, "svc web"),
        "Name:                     web\nNamespace:                default\nLabels:                   <none>\n\
         Annotations:              <none>\nSelector:                 app=web\nType:                     NodePort\n\
         IP Family Policy:         SingleStack\nIP Families:              IPv4\nIP:                       10.96.0.77\n\
         IPs:                      10.96.0.77\nPort:                     http  80/TCP\n\
         TargetPort:               8080/TCP\nAppProtocol:              http\nNodePort:                 http  30080/TCP\n\
         Endpoints:\nSession Affinity:         None\nExternal Traffic Policy:  Cluster\n\
         Internal Traffic Policy:  Cluster\nTraffic Distribution:     PreferSameZone\nEvents:                   <none>\n"
    );
    assert_eq!(
        described(&mut world, "sa default"),
        "Name:                default\nNamespace:           default\nLabels:              <none>\n\
         Annotations:         <none>\nImage pull secrets:  <none>\nEvents:              <none>\n"
    );
    assert_eq!(
        described(&mut world, "servicecidr kubernetes | head -n 4"),
        "Name:         kubernetes\nLabels:       <none>\nAnnotations:  <none>\nCIDRs:        10.96.0.0/12\n"
    );
    assert_eq!(
        described(&mut world, "ipaddress 10.96.0.77 | tail -n 6"),
        "Parent Reference:\n  Group:\n  Resource:   services\n  Namespace:  default\n  Name:       web\nEvents:       <none>\n"
    );
    wait(&mut world, 5);
    let events = described(&mut world, "pod echo | tail -n 3");
    assert!(events.contains("kubelet  spec.containers{echo}: Container started"), "{events}");
}

#[test]
fn a_deployment_and_its_replica_set_are_described_with_their_pods() {
    let mut world = cluster();
    create(&mut world, WEBS);
    wait_ready(&mut world, "app=web");
    let told = described(&mut world, "deploy web");
    let set =
        run(&mut world, "control-plane", "kubectl get rs -l app=web -o jsonpath='{.items[0].metadata.name}'");
    for line in [
        "Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable".to_owned(),
        "StrategyType:           RollingUpdate".to_owned(),
        "RollingUpdateStrategy:  25% max unavailable, 25% max surge".to_owned(),
        "OldReplicaSets:  <none>".to_owned(),
        format!("NewReplicaSet:   {set} (2/2 replicas created)"),
    ] {
        assert!(told.lines().any(|it| it == line), "{line}\n{told}");
    }
    let told = described(&mut world, &format!("rs {set}"));
    for line in [
        "Controlled By:  Deployment/web",
        "Replicas:       2 current / 2 desired",
        "Pods Status:    2 Running / 0 Waiting / 0 Succeeded / 0 Failed",
    ] {
        assert!(told.lines().any(|it| it == line), "{line}\n{told}");
    }
}
