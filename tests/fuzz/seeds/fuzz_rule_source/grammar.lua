#!/first
local a <const>, b <close> = 1 // 2, nil
local t = { 1, 2; x = 3, [4] = 5, { { } }, function(...) return ... end, }
local n = -#t ^ 2 + ~0xFF & 1 | 3 << 2 >> 1 % 5 ~ 6 .. "x" .. 'y'
goto skip
do local z = a end
::skip::
function t.f.g:h(p, ...) local s = self; return p, ... end
t.x, t[1], t["y"] = 1, 2
t:f"x":g{1}:h[[y]](3)[4].z()
while n ~= 1 do n = n - 1 if n == 3 then break elseif n == 4 then goto next else n = 5 end ::next:: end
repeat local q = 1 until q >= 1 and q <= 2 or not q
for i = 1, 10, 2 do for k, v in pairs(t) do end end
return t;
