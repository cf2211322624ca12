-- One window of load for wrk with one thread: every connection asks again as soon as it is answered, until the window
-- ends. Then each falls quiet, and wrk ends when all are: every request is answered, and what was acknowledged can be
-- counted. Left to itself wrk would stop in the middle of them.
-- Environment  LOAD_SCENARIO (earn, balance, shop or bulk), LOAD_ACCOUNTS (of each program), LOAD_CONNECTIONS, LOAD_RUN
--              (part of every key), LOAD_SECONDS, LOAD_TOKENS (one a line, one for each program), LOAD_KEYS (random or
--              in-order: how keys come)
-- Answers      one line of JSON on standard error
local ffi = require("ffi")
ffi.cdef([[
  typedef struct { long seconds; long nanoseconds; } load_instant;
  int clock_gettime(int clock, load_instant *instant);
  int getpid(void);
  int kill(int pid, int number);
]])

local MONOTONIC = 1
local QUIET_MS = 3600000
local INTERRUPT = 2

local scenario = os.getenv("LOAD_SCENARIO")
local accounts = tonumber(os.getenv("LOAD_ACCOUNTS"))
local connections = tonumber(os.getenv("LOAD_CONNECTIONS"))
local run = os.getenv("LOAD_RUN")
local window = tonumber(os.getenv("LOAD_SECONDS"))
local random_keys = os.getenv("LOAD_KEYS") == "random"
local tokens = {}
for token in string.gmatch(os.getenv("LOAD_TOKENS"), "[^\n]+") do
  tokens[#tokens + 1] = token
end
-- As in src/ledger_service/cli/bench/asking.py.
local bulk_operations = 1000
local balance_until, earn_until, redeem_until = 0.70, 0.90, 0.98
local hold_body = '{"points":5,"expires_in_seconds":604800}'
local captures = {}
local first_capture, next_capture = 1, 1
local instant = ffi.new("load_instant")
local ends_at = nil
local host = nil
local quiet = 0
local asking = nil

sent = 0
posted = 0
posted_late = 0
unposted = 0
late = 0

local function now()
  ffi.C.clock_gettime(MONOTONIC, instant)
  return tonumber(instant.seconds) + tonumber(instant.nanoseconds) / 1e9
end

function setup(thread)
  asking = thread
end

function init()
  -- The same accounts in the same order for everyone who is measured in the same round.
  local seed = 1
  for position = 1, #run do
    seed = (seed * 31 + string.byte(run, position)) % 2147483647
  end
  math.randomseed(seed)
end

-- wrk asks this before it asks for a request, which makes it the place to be quiet in.
function delay()
  local instant_now = now()
  if ends_at == nil then
    ends_at = instant_now + window
  end
  if instant_now < ends_at then
    return 0
  end
  quiet = quiet + 1
  if quiet == connections then
    ffi.C.kill(ffi.C.getpid(), INTERRUPT) -- as Ctrl-C does: wrk sums up what it has, and ends
  end
  return QUIET_MS
end

local function key()
  if random_keys then
    return string.format("%08x-%s-%d", math.random(0, 2147483647) * 2, run, sent)
  end
  return run .. "-" .. sent
end

local function post(path, body, head)
  return "POST " .. path .. head
    .. "\r\nIdempotency-Key: " .. key()
    .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

local function balance(head)
  return "GET /v1/accounts/m-" .. math.random(1, accounts) .. "/balance" .. head .. "\r\n\r\n"
end

local function earn(head)
  local account = math.random(1, accounts)
  return post("/v1/accounts/m-" .. account .. "/earn", '{"points":' .. math.random(1, 500) .. "}", head)
end

local function of_a_shop(head)
  local hold = captures[first_capture]
  if hold ~= nil then
    captures[first_capture] = nil
    first_capture = first_capture + 1
    return post("/v1/holds/" .. hold .. "/capture", "{}", head)
  end
  local drawn = math.random()
  if drawn < balance_until then
    return balance(head)
  elseif drawn < earn_until then
    return earn(head)
  elseif drawn < redeem_until then
    return post("/v1/accounts/m-" .. math.random(1, accounts) .. "/redeem", '{"points":5}', head)
  end
  return post("/v1/accounts/m-" .. math.random(1, accounts) .. "/holds", hold_body, head)
end

local function bulk(head)
  local stem = key()
  local operations = {}
  for place = 1, bulk_operations do
    operations[place] = '{"op":"earn","account_id":"m-' .. math.random(1, accounts) .. '","idempotency_key":"' .. stem
      .. "-" .. place .. '","points":' .. math.random(1, 500) .. "}"
  end
  return post("/v1/bulk", '{"mode":"independent","operations":[' .. table.concat(operations, ",") .. "]}", head)
end

function request()
  host = host or wrk.headers["Host"]
  if ends_at ~= nil then -- wrk asks once before it starts, to look at a request that it never sends
    sent = sent + 1
  end
  local token = tokens[1]
  if #tokens > 1 then
    token = tokens[math.random(1, #tokens)]
  end
  local head = " HTTP/1.1\r\nHost: " .. host .. "\r\nAuthorization: Bearer " .. token
  if scenario == "balance" then
    return balance(head)
  elseif scenario == "shop" then
    return of_a_shop(head)
  elseif scenario == "bulk" then
    return bulk(head)
  end
  return earn(head)
end

-- Looking at answers costs wrk as much as all else it does: only where they say what was posted, or what comes next.
if scenario == "shop" or scenario == "bulk" then
  function response(status, headers, body)
    local entries = 0
    if scenario == "bulk" then
      _, entries = string.gsub(body, '"status":201', "")
      if status < 400 then
        unposted = unposted + bulk_operations - entries
      end
    elseif status == 201 then
      entries = 1
      if string.find(body, '"status":"open"', 1, true) then
        captures[next_capture] = string.match(body, '"hold_id":"([^"]+)"')
        next_capture = next_capture + 1
      end
    end
    posted = posted + entries
    if now() >= ends_at then
      late = late + 1
      posted_late = posted_late + entries
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  local answered_late, entries, entries_late = asking:get("late"), asking:get("posted"), asking:get("posted_late")
  if scenario == "earn" or scenario == "balance" then
    -- The last answer on each connection is the one that came after the end.
    answered_late = connections
    if scenario == "earn" then
      entries = summary.requests - errors.status
      entries_late = connections
    end
  end
  io.stderr:write(string.format(
    '{"sent":%d,"answered":%d,"refused":%d,"broken":%d,"late":%d,"posted":%d,"posted_late":%d,"unposted":%d,'
      .. '"p50_ms":%.3f,"p99_ms":%.3f}\n',
    asking:get("sent"),
    summary.requests,
    errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    answered_late,
    entries,
    entries_late,
    asking:get("unposted"),
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000
  ))
end
