"""Every object's fate, and what a finished restore is compared with."""

from __future__ import annotations

from tests.velero_eks.recovery.restore.made import body, definition, fates, live, stored
from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.restore.prediction import ClusterState, Fate, predict
from velero_eks.recovery.restore.run import hold
from velero_eks.velero.restore_spec import RestoreSpec

SHOP = body("Namespace", "shop")


def spec(**fields) -> RestoreSpec:
    return RestoreSpec(**{"backup": "b", "existing": "keep", "namespaces": ("shop",), **fields})


def one(predictions, name: str):
    (found,) = [each for each in predictions if each.key.name == name]
    return found


CONTENTS = [
    stored("Namespace", "shop", labels={"team": "a"}),
    stored("ConfigMap", "gone", "shop", data={"k": "saved"}),
    stored("ConfigMap", "same", "shop", data={"k": "saved"}),
    stored("ConfigMap", "other", "shop", data={"k": "saved"}),
    stored("Pod", "ended", "shop", status={"phase": "Failed"}),
    stored("Event", "happened", "shop"),
]
THERE = [
    SHOP,
    body("ConfigMap", "same", "shop", data={"k": "saved"}, uid="7"),
    body("ConfigMap", "other", "shop", data={"k": "live"}, uid="8"),
    body("ConfigMap", "younger", "shop"),
    body("ConfigMap", "kube-root-ca.crt", "shop"),
]


def test_each_object_has_one_fate():
    assert fates(predict(spec(), CONTENTS, live(THERE))) == {
        "Namespace/shop": "kept as it is",
        "ConfigMap/gone": "created",
        "ConfigMap/same": "kept as it is",
        "ConfigMap/other": "kept as it is",
        "ConfigMap/younger": "not in the backup",
        "Pod/ended": "left out by Velero",
        "Event/happened": "left out by Velero",
    }


def test_a_kept_object_shows_how_it_differs_and_a_changed_one_what_it_becomes():
    kept = one(predict(spec(), CONTENTS, live(THERE)), "other")
    assert [(each.path, each.before, each.after) for each in kept.fields] == [("data.k", "live", "saved")]
    changed = one(predict(spec(existing="update"), CONTENTS, live(THERE)), "other")
    assert changed.fate is Fate.CHANGED
    assert [(each.path, each.before, each.after) for each in changed.fields] == [("data.k", "live", "saved")]
    assert changed.expected is not None
    assert (changed.expected["data"], changed.expected["metadata"]["uid"]) == ({"k": "saved"}, "8")


def test_a_missing_namespace_is_made_as_it_was():
    made = one(predict(spec(), CONTENTS, live()), "shop")
    assert (made.fate, made.expected) == (Fate.CREATED, body("Namespace", "shop", labels={"team": "a"}))


def test_another_namespace_gets_everything_under_its_own_name():
    found = predict(spec(mapping={"shop": "copy"}), CONTENTS, live(THERE))
    assert one(found, "gone").key == ObjectKey("", "ConfigMap", "copy", "gone")
    assert one(found, "copy").fate is Fate.CREATED


def test_a_namespace_that_is_being_deleted_is_in_the_way_of_all_that_lies_in_it():
    condition = {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "example.com/hold in 1 resource"}
    leaving = body("Namespace", "shop", deletionTimestamp="now", status={"conditions": [condition]})
    found = predict(spec(), CONTENTS, live([leaving]))
    assert {each.fate for each in found if each.key.kind == "ConfigMap"} == {Fate.BLOCKED}
    assert "example.com/hold in 1 resource" in one(found, "gone").reason


def test_an_object_that_is_being_deleted_is_in_the_way_of_itself():
    leaving = body("ConfigMap", "same", "shop", deletionTimestamp="now", finalizers=["example.com/hold"])
    found = one(predict(spec(), CONTENTS, live([SHOP, leaving])), "same")
    assert (found.fate, "finalizer example.com/hold" in found.reason) == (Fate.BLOCKED, True)


def test_a_kind_that_is_not_served_is_in_the_way_unless_its_crd_is_restored_too():
    question = stored("Question", "q", "shop", spec={})
    cluster = live([SHOP], kinds=("ConfigMap", "Namespace", "CustomResourceDefinition"))
    alone = one(predict(spec(), [question], cluster), "q")
    assert (alone.fate, "does not serve Question" in alone.reason) == (Fate.BLOCKED, True)
    everything = spec(namespaces=("*",), cluster_resources=True)
    assert one(predict(everything, [definition(), question], cluster), "q").fate is Fate.CREATED


def test_a_service_account_is_merged_whatever_is_wanted_of_existing_objects():
    saved = stored("ServiceAccount", "web", "shop", labels={"a": "saved"})
    there = body("ServiceAccount", "web", "shop", imagePullSecrets=[{"name": "live"}])
    found = one(predict(spec(), [saved], live([SHOP, there])), "web")
    assert found.fate is Fate.CHANGED
    assert found.expected is not None
    assert found.expected["imagePullSecrets"] == [{"name": "live"}]


def test_what_controllers_make_is_marked():
    owned = stored("ConfigMap", "made", "shop", ownerReferences=[{"kind": "Operator"}])
    assert one(predict(spec(), [owned], live([SHOP])), "made").derived


def test_a_snapshot_comes_back_under_another_name_and_is_not_compared():
    snapshot = stored("VolumeSnapshot", "velero-data-x", "shop", spec={})
    told = predict(spec(), [snapshot], live([SHOP]))
    assert one(told, "velero-data-x").derived
    assert hold(told, live([SHOP]).objects, live([SHOP]).objects).whole


def test_a_node_port_that_somebody_chose_and_another_service_has_is_in_the_way():
    applied = '{"spec": {"ports": [{"nodePort": 30080}]}}'
    ports = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}
    saved = stored("Service", "web", "shop", spec=ports,
                   annotations={"kubectl.kubernetes.io/last-applied-configuration": applied})  # fmt: skip
    original = ObjectKey("", "Service", "shop", "web")
    there = live([SHOP])
    taken = ClusterState(there.objects, there.served, {30080: original})
    beside = one(predict(spec(mapping={"shop": "copy"}), [saved], taken), "web")
    assert (beside.fate, beside.reason) == (
        Fate.BLOCKED, "its node port 30080 is used by Service/web -n shop",
    )  # fmt: skip
    assert one(predict(spec(), [saved], taken), "web").fate is Fate.CREATED
    given = stored("Service", "web", "shop", spec=ports)
    assert one(predict(spec(mapping={"shop": "copy"}), [given], taken), "web").fate is Fate.CREATED


def test_what_is_asked_for_by_name_is_looked_at_though_an_operator_owns_it():
    owned = stored("Secret", "made", "shop", ownerReferences=[{"kind": "Operator"}], data={"k": "saved"})
    told = predict(spec(resources=("secrets",)), [owned], live([SHOP]))
    assert not one(told, "made").derived
    (missing,) = hold(told, live([SHOP]).objects, live([SHOP]).objects).surprises
    assert (missing.key.name, missing.found) == ("made", "is missing")


def test_a_namespace_itself_is_not_changed_and_that_is_no_success():
    saved = stored("Namespace", "shop", labels={"team": "saved"})
    asked = spec(namespaces=("*",), resources=("namespaces",), cluster_resources=True, existing="update")
    told = one(predict(asked, [saved], live([SHOP])), "shop")
    assert (told.fate, told.reason) == (Fate.BLOCKED, "Velero never changes a namespace that exists")
    same = body("Namespace", "shop", labels={"team": "saved"})
    assert one(predict(asked, [saved], live([same])), "shop").fate is Fate.KEPT


def test_a_crd_that_is_kept_as_it_is_serves_no_more_than_it_does():
    older = definition()
    newer = definition().body
    newer = {**newer, "spec": {**newer["spec"], "versions": [{"name": "v2", "served": True}]}}
    cluster = live([SHOP, newer], kinds=("Namespace", "CustomResourceDefinition"))
    contents = [older, stored("Question", "q", "shop")]
    everything = {"namespaces": ("*",), "cluster_resources": True}
    assert one(predict(spec(**everything), contents, cluster), "q").fate is Fate.BLOCKED
    assert one(predict(spec(**everything, existing="update"), contents, cluster), "q").fate is Fate.CREATED


def test_a_job_is_sent_as_velero_sends_it_without_the_labels_of_its_controller():
    uid = {"batch.kubernetes.io/controller-uid": "7"}
    job = {"selector": {"matchLabels": uid}, "template": {"metadata": {"labels": {"app": "a", **uid}}}}
    saved = stored("Job", "import", "shop", spec=job, labels={"l": "saved"})
    there = body("Job", "import", "shop", spec=job, labels={"l": "live"})
    told = one(predict(spec(existing="update"), [saved], live([SHOP, there])), "import")
    assert [each.path for each in told.fields] == ["metadata.labels.l"]
    assert told.sent is not None
    # The server refuses this: a Job's selector cannot be changed.
    assert told.sent["spec"]["selector"] == {"matchLabels": {}}


def claim(**fields):
    spec = {"volumeName": "pv-1", "resources": {"requests": {"storage": "1Gi"}}, **fields.pop("spec", {})}
    return spec, {"status": {"phase": "Bound"}, **fields}


def test_a_claim_and_its_volume_come_back_bound_otherwise_and_that_is_no_surprise():
    spec_then, fields = claim(annotations={"pv.kubernetes.io/bind-completed": "yes", "kept": "x"})
    pv = {"persistentVolumeReclaimPolicy": "Delete", "claimRef": {"namespace": "shop", "name": "data", "uid": "1"}}
    contents = [stored("PersistentVolumeClaim", "data", "shop", spec=spec_then, **fields),
                stored("PersistentVolume", "pv-1", spec=pv)]  # fmt: skip
    told = predict(spec(), contents, live([SHOP]))
    assert fates(told)["PersistentVolume/pv-1"] == "left out by Velero"
    source = {"kind": "VolumeSnapshot", "name": "velero-1"}
    after = [
        SHOP,
        body("PersistentVolumeClaim", "data", "shop", spec={**spec_then, "volumeName": "pvc-2", "dataSource": source},
             annotations={"volume.kubernetes.io/selected-node": "n", "kept": "x"}),
        body("PersistentVolume", "pvc-2", spec={"claimRef": {"namespace": "shop", "name": "data"}}),
        body("VolumeSnapshot", "velero-1", "shop"),
    ]  # fmt: skip
    assert hold(told, live([SHOP]).objects, live(after).objects).whole
    changed = body("PersistentVolumeClaim", "data", "shop", annotations={"kept": "x"},
                   spec={"volumeName": "pvc-2", "resources": {"requests": {"storage": "9Gi"}}})  # fmt: skip
    (found,) = hold(told, live([SHOP]).objects, live([SHOP, changed]).objects).surprises
    assert [each.path for each in found.fields] == ["spec.resources.requests.storage"]


def test_a_volume_that_is_restored_as_it_was_is_bound_anew():
    pv = {"persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "shop", "name": "data", "uid": "1"}}
    spec_then, fields = claim()
    contents = [stored("PersistentVolumeClaim", "data", "shop", spec=spec_then, **fields),
                stored("PersistentVolume", "pv-1", spec=pv)]  # fmt: skip
    told = predict(spec(), contents, live([SHOP]))
    assert one(told, "pv-1").fate is Fate.CREATED
    bound = {**pv, "claimRef": {**pv["claimRef"], "uid": "2", "resourceVersion": "9"}}
    claimed = body("PersistentVolumeClaim", "data", "shop", spec=spec_then)
    after = [SHOP, claimed, body("PersistentVolume", "pv-1", spec=bound)]
    assert hold(told, live([SHOP]).objects, live(after).objects).whole


def test_a_namespace_that_several_steps_write_into_counts_once():
    told = predict(spec(), CONTENTS, live(THERE))
    found = hold([*told, *told], live(THERE).objects, live(THERE).objects)
    assert (found.compared, found.compared - found.as_foretold) == (5, len(found.surprises))


def outcome(after, existing="keep", before=THERE):
    told = predict(spec(existing=existing), CONTENTS, live(before))
    return hold(told, live(before).objects, live(after).objects)


def test_a_restore_that_does_what_was_foretold_has_no_surprise():
    after = [*THERE, body("ConfigMap", "gone", "shop", data={"k": "saved"}, uid="9")]
    found = outcome(after)
    assert (found.surprises, found.compared) == ((), found.as_foretold)
    # The namespace and four ConfigMaps; what controllers make and what Velero leaves out does not count.
    assert found.compared == 5


def test_whatever_is_otherwise_is_a_surprise():
    gone = body("ConfigMap", "gone", "shop", data={"k": "other"})
    came = body("ConfigMap", "came", "shop")
    after = [SHOP, gone, came, body("ConfigMap", "same", "shop", data={"k": "written"})]
    told = {each.key.name: each.found for each in outcome(after).surprises}
    assert told == {
        "gone": "differs from the prediction",
        "same": "was changed meanwhile",
        "other": "is missing",
        "younger": "is missing",
        "came": "came",
    }


def test_a_change_that_did_not_happen_is_said():
    after = [*THERE, body("ConfigMap", "gone", "shop", data={"k": "saved"})]
    (found,) = outcome(after, existing="update").surprises
    assert (found.key.name, found.found) == ("other", "was not changed")


def test_what_was_in_the_way_and_came_all_the_same_is_a_surprise():
    told = predict(spec(), [stored("Question", "q", "shop")], live([SHOP], kinds=("Namespace",)))
    (found,) = hold(told, live([SHOP]).objects, live([SHOP, body("Question", "q", "shop")]).objects).surprises
    assert found.found == "was restored anyway"


def test_node_ports_that_the_server_gives_are_no_surprise():
    saved = stored("Service", "web", "shop", spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}]})
    told = predict(spec(), [saved], live([SHOP]))
    given = {"type": "NodePort", "clusterIP": "10.0.0.9", "ports": [{"port": 80, "nodePort": 31999}]}
    after = live([SHOP, body("Service", "web", "shop", spec=given)]).objects
    assert hold(told, live([SHOP]).objects, after).whole
