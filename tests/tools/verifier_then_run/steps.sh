# What is stored decides how the next machine verifies.
show() { poolproof run drivers/leak.sys "$@" 2>&1 | sed -n '/^poolproof/p; /^  settings/p; /Reproduce/p; s/^\(  pool.*\) (.*/\1/p'; }
echo "- nothing stored"; show
echo "- special pool only"; verifier /flags 1 /driver leak.sys >/dev/null; show
echo "- pool tracking only"; verifier /flags 8 /driver LEAK.SYS >/dev/null; show
echo "- another driver"; verifier /standard /driver disk.sys >/dev/null; show
echo "- --verify wins"; show --verify standard
echo "- every driver"; verifier /standard /all >/dev/null; show
echo "- every driver but this"; verifier /standard /all /driver.exclude leak.sys >/dev/null; show
echo "- rule disabled"; verifier /standard /all >/dev/null; verifier /rules disable 0x62 >/dev/null; show
