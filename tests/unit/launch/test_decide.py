"""Which command starts a stage's processes, by the environment."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from deepspeed.launcher.runner import fetch_hostfile

from xlgap.errors import ConfigError
from xlgap.launch.decide import Launch, decide
from xlgap.launch.hostfile import read_hostfile
from xlgap.launch.slurm import first_host
from xlgap.launch.stage import refuse_ranks

WORDS = ("finetune", "m", "direct_en", "lab_ner")
FOLDER = Path("/shared/scratch/launch/1")
JOB = {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_NTASKS": "4"}
STEP = {
    **JOB,
    "SLURM_STEP_ID": "3",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_STEP_NODELIST": "gpu[07,09]",
    "SLURM_STEP_TASKS_PER_NODE": "2,1",
    "SLURM_PROCID": "2",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "1",
}
RANKS = {
    "RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "1",
    "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500",
}


def launch(environment: Mapping[str, str], *, absent: tuple[str, ...] = ()) -> Launch:
    def which(name: str) -> str | None:
        return None if name in absent else f"/usr/bin/{name}"

    return decide(environment, WORDS, folder=FOLDER, host="gpu07", port=4321, which=which)


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text("# two\ngpu07 slots=2\n\ngpu08 slots=3 max_slots=4\n")
    return path


def devices(found: Launch) -> dict[str, list[str]]:
    """What DeepSpeed's launcher is told of hosts and devices."""
    given = next(w for w in found.command if w.startswith("--world_info="))
    told: dict[str, list[str]] = json.loads(base64.urlsafe_b64decode(given.partition("=")[2]))
    return told


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"XLGAP_PROCESSES": "1"},
        {"XLGAP_LAUNCHER": "none"},
        {"XLGAP_LAUNCHER": ""},
        {"XLGAP_LAUNCHER": "torchrun"},
        {"XLGAP_LAUNCHER": "deepspeed"},
        {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1"},
        {**JOB, "XLGAP_LAUNCHER": "none"},
        {"RANK": "0", "WORLD_SIZE": "1"},
        {"RANK": "", "WORLD_SIZE": "", "LOCAL_RANK": "", "MASTER_PORT": ""},
    ],
)
def test_one_process_needs_no_launcher(environment):
    assert launch(environment) == Launch()


@pytest.mark.parametrize("launcher", ["auto", "torchrun", "deepspeed", "slurm", "none"])
@pytest.mark.parametrize("ranks", [RANKS, {"TORCHELASTIC_RUN_ID": "x"}])
def test_a_rank_starts_nothing(launcher, ranks):
    environment = {**ranks, **JOB, "XLGAP_PROCESSES": "2", "XLGAP_LAUNCHER": launcher}
    assert launch(environment) == Launch()


@pytest.mark.parametrize("launcher", ["auto", "torchrun"])
def test_several_processes_are_torchruns(launcher):
    found = launch({"XLGAP_PROCESSES": "3", "XLGAP_LAUNCHER": launcher})
    assert found.command[:3] == (sys.executable, "-m", "torch.distributed.run")
    assert "--nproc-per-node=3" in found.command
    assert found.command[-6:] == ("-m", "xlgap", *WORDS)
    assert (found.launcher, found.local) == ("torchrun", 3)


def test_a_rendezvous_makes_this_one_of_several_nodes():
    place = {"XLGAP_RENDEZVOUS": "node1:29400", "XLGAP_NODES": "2", "XLGAP_NODE_RANK": "1"}
    found = launch({**place, "XLGAP_PROCESSES": "4"})
    told = {"--nnodes=2", "--node-rank=1", "--master-addr=node1", "--master-port=29400"}
    assert told | {"--nproc-per-node=4"} <= set(found.command)


def test_srun_says_which_node_of_a_rendezvous_this_is():
    found = launch({**STEP, "XLGAP_RENDEZVOUS": "gpu07:29400", "XLGAP_PROCESSES": "8"})
    assert {"--nnodes=2", "--node-rank=1"} <= set(found.command)
    assert found.launcher == "torchrun"


def test_deepspeed_on_this_node():
    found = launch({"XLGAP_LAUNCHER": "deepspeed", "XLGAP_PROCESSES": "2"})
    assert "deepspeed.launcher.launch" in found.command
    assert devices(found) == {"gpu07": ["0", "1"]}
    assert "--master_port=4321" in found.command
    assert found.command[-6:] == ("--module", "xlgap", *WORDS)
    assert found.local == 2


@pytest.mark.parametrize(
    ("visible", "shown"), [("4,6,7", ["4", "6"]), ("-1", ["-1", "-1"]), ("", ["-1", "-1"])]
)
def test_deepspeed_gets_the_devices_that_are_visible(visible, shown):
    environment = {"XLGAP_LAUNCHER": "deepspeed", "XLGAP_PROCESSES": "2"}
    assert devices(launch({**environment, "CUDA_VISIBLE_DEVICES": visible})) == {"gpu07": shown}


@pytest.mark.parametrize("name", ["localhost", "gpu07", "gpu07.cluster"])
def test_a_hostfile_of_this_machine_needs_no_ssh(tmp_path, name):
    (tmp_path / "hosts").write_text(f"{name} slots=2\n")
    found = launch({"XLGAP_HOSTFILE": str(tmp_path / "hosts")}, absent=("ssh", "pdsh"))
    assert devices(found) == {name: ["0", "1"]}


def test_a_hostfile_of_several_hosts_is_deepspeeds_by_pdsh(hosts):
    found = launch({"XLGAP_HOSTFILE": str(hosts)})
    assert found.launcher == "pdsh"
    assert "deepspeed.launcher.runner" in found.command
    assert {f"--hostfile={hosts}", "--master_addr=gpu07", "--launcher=pdsh"} <= set(found.command)
    assert found.command[-6:] == ("xlgap.launch", str(FOLDER / "environment.json"), *WORDS)
    fewer = launch({"XLGAP_HOSTFILE": str(hosts), "XLGAP_PROCESSES": "2"})
    assert "--num_gpus=2" in fewer.command


@pytest.mark.parametrize("launcher", ["auto", "slurm"])
def test_a_job_of_several_tasks_runs_them_by_srun(launcher):
    found = launch({**JOB, "XLGAP_LAUNCHER": launcher, "SLURM_CPUS_PER_TASK": "6"})
    assert found.command[0] == "srun"
    assert {"--ntasks=4", "--cpus-per-task=6", "--kill-on-bad-exit=1"} <= set(found.command)
    assert found.command[-7:] == (sys.executable, "-m", "xlgap", *WORDS)
    some = launch({**JOB, "XLGAP_PROCESSES": "1", "XLGAP_LAUNCHER": launcher})
    assert {"--ntasks=2", "--ntasks-per-node=1"} <= set(some.command)


@pytest.mark.parametrize("launcher", ["auto", "slurm"])
def test_a_task_of_a_step_is_a_rank(launcher):
    found = launch({**STEP, "XLGAP_LAUNCHER": launcher})
    assert not found.command
    assert found.variables == {
        "RANK": "2",
        "WORLD_SIZE": "3",
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "LOCAL_SIZE": "1",
        "MASTER_ADDR": "gpu07",
        "MASTER_PORT": str(20000 + 7 * 31 + 3),
    }
    first = launch({**STEP, "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NODEID": "0"})
    assert (first.variables["LOCAL_RANK"], first.variables["LOCAL_SIZE"]) == ("1", "2")
    assert first.variables["MASTER_PORT"] == found.variables["MASTER_PORT"]
    bound = launch({**STEP, "SLURM_LOCALID": "1", "CUDA_VISIBLE_DEVICES": "3"})
    assert bound.variables["LOCAL_RANK"] == "0"
    assert launch({**STEP, "MASTER_ADDR": "ib0"}).variables["MASTER_ADDR"] == "ib0"


def test_an_interactive_shell_of_a_job_is_no_step():
    shell = {**STEP, "SLURM_STEP_ID": str(0xFFFFFFFA), "SLURM_STEP_NUM_TASKS": "4"}
    assert launch(shell).command[0] == "srun"


def test_in_an_srun_of_one_task_processes_are_torchruns():
    one = {**STEP, "SLURM_STEP_NUM_TASKS": "1"}
    assert launch(one) == Launch()
    assert launch({**one, "XLGAP_PROCESSES": "2"}).launcher == "torchrun"


def test_what_is_set_goes_before_the_job(hosts):
    assert launch({**JOB, "XLGAP_HOSTFILE": str(hosts)}).launcher == "pdsh"
    assert launch({**JOB, "XLGAP_LAUNCHER": "torchrun", "XLGAP_PROCESSES": "2"}).launcher == "torchrun"


NODES = {"XLGAP_RENDEZVOUS": "n:1", "XLGAP_NODES": "2"}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"XLGAP_LAUNCHER": "slrum"}, "unknown launcher 'slrum'; did you mean 'slurm'"),
        ({"XLGAP_LAUNCHER": "Torchrun"}, "did you mean 'torchrun'"),
        ({"XLGAP_LAUNCHER": "zzz"}, "allowed: auto, deepspeed, none, slurm, torchrun"),
        ({"XLGAP_PROCESSES": "many"}, "XLGAP_PROCESSES: got 'many', allowed is a whole number from 1"),
        ({"XLGAP_PROCESSES": "0"}, "whole number from 1"),
        (
            {"XLGAP_PROCESSES": "1025"},
            "XLGAP_PROCESSES: got '1025', allowed is a whole number from 1 to 1024",
        ),
        ({"XLGAP_PROCESSES": "9" * 5000}, "whole number from 1 to 1024"),
        ({**NODES, "XLGAP_NODES": "100001"}, "XLGAP_NODES: got '100001'"),
        ({**NODES, "XLGAP_NODES": "50001", "XLGAP_PROCESSES": "2"}, "more processes than 100000"),
        ({**JOB, "SLURM_NTASKS": "", "XLGAP_PROCESSES": "1024", "SLURM_JOB_NUM_NODES": "98"}, "100000"),
        ({"XLGAP_PROCESSES": "-2"}, "whole number from 1"),
        ({"XLGAP_PROCESSES": "²"}, "whole number from 1"),
        ({"XLGAP_LAUNCHER": "none", "XLGAP_PROCESSES": "2"}, "XLGAP_LAUNCHER=none starts no process"),
        ({"XLGAP_LAUNCHER": "slurm"}, "this is no Slurm job"),
        ({**JOB, "XLGAP_PROCESSES": "4"}, "makes 8 processes, but the Slurm job has 4 task"),
        (
            {**STEP, "SLURM_STEP_NUM_TASKS": "1", "XLGAP_LAUNCHER": "slurm"},
            "inside of an srun of one task",
        ),
        ({k: v for k, v in STEP.items() if k != "SLURM_LOCALID"}, "SLURM_LOCALID is not set"),
        ({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}, "MASTER_ADDR, MASTER_PORT is not set"),
        ({**RANKS, "RANK": "2"}, "RANK=2 is not below WORLD_SIZE=2"),
        ({**RANKS, "WORLD_SIZE": "two"}, "WORLD_SIZE: got 'two'"),
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE: got 'abc', allowed is a whole number from 1 to 100000"),
        ({"WORLD_SIZE": " "}, "WORLD_SIZE: got ' '"),
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE=2 says that this is one of several processes, but RANK"),
        ({"RANK": "1"}, "RANK=1 says that this is one of several processes, but WORLD_SIZE"),
        ({"RANK": "1", "WORLD_SIZE": "1"}, "RANK=1 says that this is one of several"),
        ({"WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x"}, "but RANK, LOCAL_RANK, MASTER_ADDR"),
        ({**RANKS, "LOCAL_WORLD_SIZE": "x"}, "LOCAL_WORLD_SIZE: got 'x'"),
        ({**RANKS, "MASTER_PORT": "abc"}, "MASTER_PORT: got 'abc', allowed is a whole number from 1"),
        ({"MASTER_PORT": "99999999"}, "MASTER_PORT: got '99999999'"),
        ({**STEP, "SLURM_STEP_NUM_TASKS": "abc"}, "SLURM_STEP_NUM_TASKS: got 'abc'"),
        ({**STEP, "SLURM_JOB_ID": "x"}, "SLURM_JOB_ID: got 'x'"),
        ({**STEP, "SLURM_PROCID": "x"}, "SLURM_PROCID: got 'x'"),
        ({**STEP, "SLURM_NODEID": "x"}, "SLURM_NODEID: got 'x'"),
        ({**STEP, "SLURM_STEP_TASKS_PER_NODE": "x(x2)"}, "SLURM_STEP_TASKS_PER_NODE: got 'x(x2)'"),
        ({**JOB, "SLURM_NTASKS": "four"}, "SLURM_NTASKS: got 'four'"),
        ({"XLGAP_RENDEZVOUS": "node1"}, "HOST:PORT of the first node"),
        ({"XLGAP_RENDEZVOUS": "node1:99999"}, "HOST:PORT of the first node"),
        ({"XLGAP_RENDEZVOUS": "node1:2"}, "XLGAP_NODES"),
        ({"XLGAP_NODES": "2", "XLGAP_NODE_RANK": "1"}, "XLGAP_NODES=2 says nothing without XLGAP_REND"),
        ({"XLGAP_NODE_RANK": "0", "XLGAP_PROCESSES": "2"}, "XLGAP_NODE_RANK=0 says nothing without"),
        ({**NODES, "XLGAP_LAUNCHER": "none"}, "XLGAP_LAUNCHER=none takes no XLGAP_RENDEZVOUS"),
        ({**JOB, **NODES, "XLGAP_LAUNCHER": "slurm"}, "XLGAP_LAUNCHER=slurm takes no"),
        ({**NODES, "XLGAP_LAUNCHER": "deepspeed"}, "XLGAP_LAUNCHER=deepspeed takes no"),
        ({**NODES, "XLGAP_NODE_RANK": "2"}, "XLGAP_NODE_RANK=2 is not below XLGAP_NODES=2"),
        (
            {"XLGAP_PROCESSES": "2", "CUDA_VISIBLE_DEVICES": "3"},
            "2 processes on this node need a device each, but CUDA_VISIBLE_DEVICES=3 names 1",
        ),
        (
            {
                "XLGAP_LAUNCHER": "deepspeed",
                "XLGAP_PROCESSES": "3",
                "CUDA_VISIBLE_DEVICES": "0,1",
            },
            "names 2",
        ),
        ({"XLGAP_HOSTFILE": "/nowhere/hosts"}, "XLGAP_HOSTFILE=/nowhere/hosts: No such file"),
        ({"XLGAP_HOSTFILE": "HOSTS", "XLGAP_LAUNCHER": "torchrun"}, "starts nothing on other hosts"),
        ({**JOB, "XLGAP_HOSTFILE": "HOSTS", "XLGAP_LAUNCHER": "slurm"}, "takes its hosts from the job"),
        ({"XLGAP_HOSTFILE": "HOSTS", "XLGAP_RENDEZVOUS": "n:1"}, "unset one of them"),
        ({"XLGAP_HOSTFILE": "HOSTS", "XLGAP_PROCESSES": "3"}, "host 'gpu07' has slots=2"),
    ],
)
def test_what_is_not_allowed_is_one_sentence(hosts, environment, said):
    given = {name: value.replace("HOSTS", str(hosts)) for name, value in environment.items()}
    with pytest.raises(ConfigError) as told:
        launch(given)
    assert said in str(told.value)


@pytest.mark.parametrize("absent", ["pdsh", "ssh"])
def test_several_hosts_need_pdsh_and_ssh(hosts, absent):
    with pytest.raises(ConfigError, match=f"'{absent}' is not installed.*names 2 hosts"):
        launch({"XLGAP_HOSTFILE": str(hosts)}, absent=(absent,))


def test_a_job_needs_srun():
    with pytest.raises(ConfigError, match="'srun' is not installed"):
        launch(JOB, absent=("srun",))


def test_the_only_host_of_a_hostfile_is_this_machine(tmp_path):
    (tmp_path / "hosts").write_text("gpu08 slots=2")
    with pytest.raises(ConfigError, match="names 'gpu08' alone, and this machine is 'gpu07'"):
        launch({"XLGAP_HOSTFILE": str(tmp_path / "hosts")})


def test_the_first_of_several_hosts_has_a_name_that_all_know(tmp_path):
    (tmp_path / "hosts").write_text("localhost slots=2\ngpu08 slots=2\n")
    given = {"XLGAP_HOSTFILE": str(tmp_path / "hosts")}
    with pytest.raises(ConfigError, match="the first of 2 hosts is 'localhost'"):
        launch(given)
    assert "--master_addr=10.0.0.7" in launch({**given, "MASTER_ADDR": "10.0.0.7"}).command


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it names no host"),
        ("# nothing\n\n", "it names no host"),
        ("a slots=2\na slots=1\n", "line 2: host 'a' stands there twice"),
        ("a slots=two\n", "line 1: slots=two of host 'a' is no whole number"),
        ("a slots=0\n", "slots=0 of host 'a'"),
        ("a slots=1025\n", "slots=1025 of host 'a' is no whole number from 1 to 1024"),
        ("a slots=99999999999999999999\n", "is no whole number from 1 to 1024"),
        ("\n".join(f"n{k} slots=1024" for k in range(98)), "100352 slots are more processes than"),
        ("a\n", "line 1: got 'a', allowed is 'node1 slots=8'"),
        ("a slots=2 gpus=3\n", "allowed is 'node1 slots=8'"),
    ],
)
def test_a_wrong_hostfile_is_one_sentence(tmp_path, text, said):
    path = tmp_path / "hosts"
    path.write_text(text)
    with pytest.raises(ConfigError) as told:
        read_hostfile(path)
    assert said in str(told.value)


def test_a_hostfile_is_read_in_its_order(hosts):
    assert list(read_hostfile(hosts).items()) == [("gpu07", 2), ("gpu08", 3)]


def test_comments_of_a_hostfile_follow_a_line_for_deepspeed_too(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("  # all of them\nnode1 slots=8 # gpu box\nnode2 slots=4#x\n")
    assert read_hostfile(path) == {"node1": 8, "node2": 4} == fetch_hostfile(str(path))


def test_a_byte_order_mark_is_no_part_of_a_hosts_name(tmp_path):
    path = tmp_path / "hosts"
    path.write_bytes("node1 slots=8\n".encode("utf-8-sig"))
    with pytest.raises(ConfigError, match=r"starts with a byte order mark.*UTF-8 without one"):
        read_hostfile(path)


def test_a_folder_or_bytes_are_no_hostfile(tmp_path):
    with pytest.raises(ConfigError, match="Is a directory"):
        read_hostfile(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is no text"):
        read_hostfile(tmp_path / "bytes")


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("vm", "vm"),
        ("node3,node5", "node3"),
        ("gpu[07-09,12],login1", "gpu07"),
        ("rack1-gpu[1]", "rack1-gpu1"),
        ("c[1-2].cluster", "c1.cluster"),
        ("rack[1-2]n[3-4]", "rack1n3"),
        ("rack[01,03-04]n[3-4,7]x,login", "rack01n3x"),
    ],
)
def test_the_first_of_slurms_hosts(nodes, first):
    assert first_host(nodes) == first


@pytest.mark.parametrize("nodes", ["gpu[1-2", "gpu[]", "[", ",gpu1", "gpu[[1]]"])
def test_what_is_no_list_of_slurms_hosts(nodes):
    with pytest.raises(ConfigError, match="is no list of hosts; set MASTER_ADDR"):
        first_host(nodes)


def test_a_size_that_a_batch_script_exports_is_overridden_by_what_starts_ranks():
    assert launch({**JOB, "WORLD_SIZE": "4"}).command[0] == "srun"
    assert launch({**STEP, "WORLD_SIZE": "4"}).variables["WORLD_SIZE"] == "3"
    assert launch({"XLGAP_PROCESSES": "2", "WORLD_SIZE": "2"}).launcher == "torchrun"


@pytest.mark.parametrize(("node", "tasks"), [("0", "2"), ("2", "2"), ("3", "1"), ("9", "1")])
def test_tasks_of_a_node_in_slurms_list(node, tasks):
    given = {**STEP, "SLURM_STEP_TASKS_PER_NODE": "2(x3),1", "SLURM_NODEID": node}
    assert launch(given).variables["LOCAL_WORLD_SIZE"] == tasks


@pytest.mark.parametrize(("name", "value"), [("WORLD_SIZE", "abc"), ("WORLD_SIZE", " ")])
@pytest.mark.parametrize("command", ["prepare", "run"])
def test_a_command_of_one_process_says_which_variable_is_wrong(monkeypatch, name, value, command):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"{name}: got '{value}'"):
        refuse_ranks(command)
