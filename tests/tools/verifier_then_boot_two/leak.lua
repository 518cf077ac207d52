local f = open("\\\\.\\Leak")
for i = 1, 3 do f:ioctl(0x222000, "x", 0) end
f:close()
