-- One window of load for wrk with one thread: every connection asks again as soon as it is answered, until the window
-- ends. Then each falls quiet, and wrk ends when all are: every request is answered, and what was acknowledged can be
-- counted. Left to itself wrk would stop in the middle of them.
-- Environment  LOAD_SCENARIO (earn or balance), LOAD_ACCOUNTS, LOAD_CONNECTIONS, LOAD_RUN (part of every key),
--              LOAD_SECONDS, LOAD_TOKEN
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
local token = os.getenv("LOAD_TOKEN")
local instant = ffi.new("load_instant")
local ends_at = nil
local host = nil
local quiet = 0
local asking = nil

sent = 0

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

function request()
  host = host or wrk.headers["Host"]
  if ends_at ~= nil then -- wrk asks once before it starts, to look at a request that it never sends
    sent = sent + 1
  end
  local account = math.random(1, accounts)
  if scenario == "balance" then
    return "GET /v1/accounts/m-" .. account .. "/balance HTTP/1.1\r\nHost: " .. host
      .. "\r\nAuthorization: Bearer " .. token .. "\r\n\r\n"
  end
  local body = '{"points":' .. math.random(1, 500) .. "}"
  return "POST /v1/accounts/m-" .. account .. "/earn HTTP/1.1\r\nHost: " .. host
    .. "\r\nAuthorization: Bearer " .. token
    .. "\r\nIdempotency-Key: " .. run .. "-" .. sent
    .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"sent":%d,"answered":%d,"refused":%d,"broken":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    asking:get("sent"),
    summary.requests,
    errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000
  ))
end
