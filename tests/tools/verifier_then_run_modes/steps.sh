# How long settings hold.
show() { poolproof run drivers/leak.sys "$@" 2>&1 | grep -e '^  settings' -e '^poolproof: the'; verifier /querysettings 2>/dev/null | sed -n '2p; /Boots left/p'; }
echo "- one boot"; verifier /flags 1 /driver leak.sys /bootmode oneboot >/dev/null; show; show
echo "- two boots"; verifier /flags 1 /driver leak.sys /bc 2 >/dev/null; show; show; show
echo "- an unusual end"; verifier /flags 8 /driver leak.sys /bootmode rous >/dev/null; show; show
echo "- killed"; verifier /flags 1 /driver clean.sys /bootmode rous >/dev/null
set -- drivers/clean.sys
. ./boot.sh
kill -9 $!
wait $! 2>/dev/null
show
echo "- a failed start"; verifier /flags 4 /faults 10000 /driver leak.sys /bootmode resetonbootfail >/dev/null; show; show
