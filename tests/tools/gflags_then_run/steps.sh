# Settings hold at the next start of the machine: stored, then a run without the verifier's special pool.
gflags /r +spp Rule /verifystart >/dev/null 2>&1
poolproof run drivers/beyond_end.sys provoke.lua --verify off | sed -n '/^poolproof/p; /^  settings/p; s/^\(  pool.*\) (.*/\1/p'
gflags /r /verifyend >/dev/null 2>&1
poolproof run drivers/beyond_end.sys provoke.lua --verify off | sed -n '/^poolproof/p; /^  settings/p; s/^\(  pool.*\) (.*/\1/p'
gflags /r -spp >/dev/null 2>&1
poolproof run drivers/beyond_end.sys provoke.lua --verify off | sed -n '/^poolproof/p; /^  settings/p; s/^\(  pool.*\) (.*/\1/p'
