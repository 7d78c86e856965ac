-- luacheck reads the ledger's scripts with this, see `make check`. The tests check the linked scripts, too.
std = 'lua51'
-- What Redis gives to a script. No script takes KEYS: keys are built from ledger/keys.py.
read_globals = { 'redis', 'cjson', 'ARGV' }
max_line_length = 125

-- A shared file defines names that other files use, and uses names that other files define: 211 is an unused
-- variable, 113 an undefined one. The linker joins them, and the linked scripts have neither.
local shared = { ignore = { '113', '211' } }
files['src/jobline/ledger/lua/shared'] = shared
files['src/jobline/ledger/lua/maintenance'] = shared
-- A verb uses shared names.
files['src/jobline/ledger/lua'] = { ignore = { '113' } }
