return "\65\x42\u{7FFFFFFF}\z
  x\
y", [==[
a]]b]=]]==], 0x.8p-1, 3.e+7 --[=[ c
]=] --[[