set -- drivers/clean.sys
. ./boot.sh
verifier /log records.txt /interval 1 &
until [ "$(grep -c '^Time Stamp' records.txt 2>/dev/null)" -ge 2 ]; do :; done 2>/dev/null
kill -INT $!
wait $!
echo "exit $?"
exec 3>&-
wait
sed -n '2,6s/[0-9/]* [0-9:]*$/now/p; /MODULE/p' records.txt | head -3
