-- Twice the exercise; reads that wait are answered, cancelled, or end with their handle.
local run, pending = 0x222000, 0x103
local f, g = open("\\\\.\\ThreadsClean"), open("\\\\.\\ThreadsClean")

expect(f:ioctl(run) == 0)
expect(f:read(16) == pending, "a read waits")
expect(g:read(16) == pending)
expect(g:read(8) == pending)
expect(f:ioctl(run) == 0)
expect(g:write("first") == 0)
expect(f:cancel() == 0, "the write has answered the first read")
expect(g:cancel() == 2)
expect(f:read(4) == pending)
sleep(50)
f:close()
expect(g:write("nobody waits") == 0)
g:close()
