# Starts a machine that stays up; its standard input is descriptor 3, and what it prints goes to a file.
mkfifo line
poolproof boot "$@" <line >said 2>&1 &
exec 3>line
until verifier /query 2>&1 | grep -q 'unload: 0'; do :; done
