-- Keeps asking for as long as the machine stays up: poolproof boot leak.sys leak.lua
local file = open("\\\\.\\Leak")
while true do
    file:ioctl(0x222000, "a name that nobody frees")
    sleep(50)
end
