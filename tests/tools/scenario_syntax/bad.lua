local f = open("x")
if f then then
