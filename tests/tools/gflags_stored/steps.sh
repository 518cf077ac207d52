# What the changes leave in the machine's registry.
exec 2>/dev/null
gflags /r +ptg +spp Tag1 /verifystart >/dev/null
gflags /i notepad.exe +sls >/dev/null
cat machine/system.reg
gflags /r -spp >/dev/null
cat machine/system.reg
