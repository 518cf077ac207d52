set -- drivers/clean.sys
. ./boot.sh
verifier /query | sed 's/^Time Stamp: [0-9/]* [0-9:]*$/Time Stamp: now/; /Not Tracked/d'
exec 3>&-
wait
verifier /query | sed 's/^Time Stamp: [0-9/]* [0-9:]*$/Time Stamp: now/; /Not Tracked/d'
