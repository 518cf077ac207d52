# Low resources simulation repeats with its seed, and is repeated by the command that the report names.
show() { poolproof run drivers/leak.sys "$@" 2>&1 | sed -n '/^poolproof/p; /^  settings/p; /Reproduce/p; s/^\(  pool.*\) (.*/\1/p'; }
verifier /flags 8 /faults 2000 "Na* Other" poolproof.exe 1 /driver leak.sys >/dev/null
show --seed 1 >first; show --seed 1 >second; cmp first second && cat first
verifier /query 2>/dev/null | grep Deliberately
echo "- another program"; verifier /faults 10000 "" notepad.exe >/dev/null; show >/dev/null
verifier /query 2>/dev/null | grep Deliberately
echo "- as an option"; show --verify 0x8 --faults '2000,Na*,poolproof.exe,1' --seed 1 | head -1
verifier /reset >/dev/null
echo "- systematic, off at start"; verifier /flags 0x40000 /driver leak.sys >/dev/null 2>&1; show
verifier /query 2>/dev/null | grep Deliberately
echo "- systematic"; verifier /faultssystematic enableboottime >/dev/null; show
verifier /query 2>/dev/null | grep Deliberately
