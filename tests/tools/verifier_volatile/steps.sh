set -- drivers/leak.sys
. ./boot.sh
verifier /volatile /flags 0x9 /adddriver foo.sys; echo "exit $?"
verifier /query | sed -n '/^Verifier Flags/p; /MODULE/p'
verifier /volatile /removedriver foo.sys; echo "exit $?"
verifier /volatile /removedriver foo.sys 2>&1; echo "exit $?"
verifier /volatile /removedriver leak.sys 2>&1; echo "exit $?"
verifier /volatile /faults 10000 Name "" 5 2>&1; echo "exit $?"
printf '%s\n' 'f = open([[\\.\Leak]])' >&3
printf '%s\n' 'f:ioctl(0x222000, "x", 0)' >&3
until verifier /query | grep -q 'Deliberately *1$'; do :; done
verifier /query | grep Deliberately
verifier /faultssystematic querystatistics
verifier /stop; echo "exit $?"
verifier /query | grep '^Verifier Flags'
verifier /dif 5 /now /driver leak.sys 2>&1 | sed -n 2p
verifier /dif 1 /now /driver leak.sys 2>&1
verifier /faultssystematic enableruntime
printf '%s\n' 'f:ioctl(0x222000, "y", 0)' >&3
printf '%s\n' 'f:ioctl(0x222000, "z", 0)' >&3
until verifier /query | grep -q 'Deliberately *2$'; do :; done
exec 3>&-
wait
cat said
verifier /querysettings 2>&1 | sed -n 2p
