"""No turn waits for a kernel: what an incident calls was loaded before the first one."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from numba.core.dispatcher import Dispatcher
from tam_workbench.engine import settings, wiring

def loaded():
    found = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("tam_workbench"):
            for one in vars(module).values():
                if isinstance(one, Dispatcher):
                    found[f"{one.__module__}.{one.__name__}"] = [str(s) for s in one.signatures]
    return found

chosen = settings.read(source="scenario:throughput", seed=7, ticks=400, checkpoint_s=1e9)
runner = wiring.assemble(chosen).runner
runner.open()
runner.loop.prepare()
for _ in range(5):
    runner.step()
before = loaded()
while not runner.is_exhausted:
    runner.step()
assert runner.loop.stages.book.all(), "without an incident nothing is shown"
after = loaded()
new = {name: told for name, told in after.items() if told != before.get(name)}
print(json.dumps(new))
"""


def test_no_turn_loads_a_kernel_that_preparing_could_have_loaded():
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert json.loads(answer.stdout) == {}
