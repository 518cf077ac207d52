# A file as regedit on Windows exports it goes in and comes out the same, byte for byte.
gflags /import windows.reg 2>/dev/null
gflags /r
gflags /export again.reg
cmp windows.reg again.reg && echo the same
gflags /r +ust +spp 'Fat*' >/dev/null 2>&1
gflags /export changed.reg
iconv -f UTF-16 -t UTF-8 windows.reg >old.txt
iconv -f UTF-16 -t UTF-8 changed.reg | diff old.txt - | tr -d '\r'
