"""The cluster can do what the tests of the engine need of it."""

import json

import pytest
from kubernetes import client

SERVE = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000, bind='0.0.0.0')"


def test_a_job_runs_to_its_end_and_its_log_can_be_read(cluster, namespace, image):
    container = {"name": "training", "image": image, "command": ["python3", "-c", "print('loss=0.25')"]}
    cluster.run(namespace, "one", {"containers": [container]})
    assert cluster.end(namespace, "one") == "Complete"
    assert cluster.log(namespace, "one", "training") == "loss=0.25\n"


def test_a_job_whose_program_fails_fails(cluster, namespace, image):
    container = {"name": "training", "image": image, "command": ["sh", "-c", "exit 3"]}
    cluster.run(namespace, "one", {"containers": [container]})
    assert cluster.end(namespace, "one") == "Failed"
    pod = cluster.core.list_namespaced_pod(namespace).items[0]
    assert pod.status.container_statuses[0].state.terminated.exit_code == 3


@pytest.mark.parametrize("native", [True, False], ids=["native", "ordinary"])
def test_a_sidecar_reads_what_the_training_writes(cluster, namespace, image, native):
    mounted = {"image": image, "volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    training = {
        **mounted,
        "name": "training",
        "command": ["sh", "-c", "echo loss=0.25 >/shared/log; touch /shared/end"],
    }
    follow = "until [ -e /shared/end ]; do sleep 0.1; done; cat /shared/log; exec sleep $0"
    sidecar = {**mounted, "name": "sidecar", "command": ["sh", "-c", follow, "600" if native else "0"]}
    pod = {"volumes": [{"name": "shared", "emptyDir": {}}], "terminationGracePeriodSeconds": 1}
    if native:
        pod |= {"initContainers": [{**sidecar, "restartPolicy": "Always"}], "containers": [training]}
    else:
        pod |= {"containers": [training, sidecar]}
    cluster.run(namespace, "one", pod)
    # A native one would go on for ten minutes: the cluster ends it, because the training has ended.
    assert cluster.end(namespace, "one") == "Complete"
    assert cluster.log(namespace, "one", "sidecar") == "loss=0.25\n"


def test_pods_reach_a_service_by_its_name(cluster, namespace, image):
    server = {"name": "server", "image": image, "command": ["python3", "-c", SERVE]}
    metadata = {"name": "server", "labels": {"app": "server"}}
    cluster.core.create_namespaced_pod(namespace, {"metadata": metadata, "spec": {"containers": [server]}})
    ports = [{"port": 80, "targetPort": 8000}]
    cluster.core.create_namespaced_service(
        namespace, {"metadata": {"name": "server"}, "spec": {"selector": {"app": "server"}, "ports": ports}}
    )
    ask = f"""
import time, urllib.request
for attempt in range(100):
    try:
        print(urllib.request.urlopen('http://server.{namespace}.svc.cluster.local', timeout=5).status)
        break
    except OSError:
        time.sleep(0.2)
"""
    cluster.run(namespace, "ask", {"containers": [{"name": "ask", "image": image, "command": ["python3", "-c", ask]}]})
    assert cluster.end(namespace, "ask") == "Complete"
    assert cluster.log(namespace, "ask", "ask") == "200\n"


def test_a_pod_that_passes_restricted_runs(cluster, namespace, image):
    cluster.core.patch_namespace(
        namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    )
    container = {"name": "training", "image": image, "command": ["id", "-u"]}
    with pytest.raises(client.ApiException) as refused:
        cluster.core.create_namespaced_pod(namespace, {"metadata": {"name": "a"}, "spec": {"containers": [container]}})
    assert refused.value.status == 403
    container["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    cluster.run(namespace, "one", {"containers": [container], "securityContext": security})
    assert cluster.end(namespace, "one") == "Complete"
    assert cluster.log(namespace, "one", "training") == "1000\n"


def test_a_program_that_takes_too_much_memory_is_ended_as_such(cluster, namespace, image):
    take = "x = bytearray(200_000_000)"
    container = {"name": "training", "image": image, "command": ["python3", "-c", take]}
    container["resources"] = {"limits": {"memory": "64Mi"}}
    cluster.run(namespace, "one", {"containers": [container]})
    assert cluster.end(namespace, "one") == "Failed"
    pod = cluster.core.list_namespaced_pod(namespace).items[0]
    assert pod.status.container_statuses[0].state.terminated.reason == "OOMKilled"


def test_a_service_account_may_do_what_its_role_says(cluster, namespace, image):
    ask = """
import json, ssl, urllib.error, urllib.request
at = '/var/run/secrets/kubernetes.io/serviceaccount/'
context = ssl.create_default_context(cafile=at + 'ca.crt')
def status(resource):
    url = f'https://kubernetes.default.svc.cluster.local/api/v1/namespaces/{open(at + "namespace").read()}/{resource}'
    request = urllib.request.Request(url, headers={'Authorization': 'Bearer ' + open(at + 'token').read()})
    try:
        return urllib.request.urlopen(request, context=context).status
    except urllib.error.HTTPError as error:
        return error.code
print(json.dumps([status('pods'), status('secrets')]))
"""
    rbac = client.RbacAuthorizationV1Api(cluster.api)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    rbac.create_namespaced_role(namespace, {"metadata": {"name": "reader"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    rbac.create_namespaced_role_binding(
        namespace, {"metadata": {"name": "reader"}, "subjects": [subject], "roleRef": role}
    )
    cluster.run(namespace, "ask", {"containers": [{"name": "ask", "image": image, "command": ["python3", "-c", ask]}]})
    assert cluster.end(namespace, "ask") == "Complete"
    assert json.loads(cluster.log(namespace, "ask", "ask")) == [200, 403]
