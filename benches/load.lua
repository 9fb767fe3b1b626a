-- What wrk sends: calls of functions, in turn, of every tenant, to both servers. FNVET_LOAD names a file
-- with a line per server (host port) and a line per tenant (path token).
local servers, targets, threads = {}, {}, {}
for line in io.lines(os.getenv("FNVET_LOAD")) do
  local path, token = line:match("^(/%S+) (%S+)$")
  if path then
    targets[#targets + 1] = { path = path, token = token }
  else
    local host, port = line:match("^(%S+) (%d+)$")
    servers[#servers + 1] = { host = host, port = port }
  end
end

function setup(thread)
  local server = servers[#threads % #servers + 1]
  thread.addr = wrk.lookup(server.host, server.port)[1]
  threads[#threads + 1] = thread
end

local turn = 0
returned = 0

function request()
  turn = turn % #targets + 1
  local headers = { ["Authorization"] = "Bearer " .. targets[turn].token, ["Content-Type"] = "application/json" }
  return wrk.format("POST", targets[turn].path, headers, '{"input":{"days":5}}')
end

function response(status, _, body)
  if status == 200 and body:find('"success":true', 1, true) then returned = returned + 1 end
end

function done(summary, latency)
  local all = 0
  for _, thread in ipairs(threads) do all = all + thread:get("returned") end
  local errors = summary.errors
  print(string.format("returned %d, others %d, seconds %.1f", all, summary.requests - all, summary.duration / 1e6))
  print(string.format("calls a second %.0f, median %.1f ms, p99 %.1f ms, worst %.1f ms", all / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
  print(string.format("connections that failed %d, that timed out %d", errors.connect + errors.read + errors.write, errors.timeout))
end
