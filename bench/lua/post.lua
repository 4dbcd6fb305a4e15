-- wrk: one POST, with latency percentiles and errors printed as one JSON line at the end.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function init(args)
   wrk.body = args[1]
   for i = 2, #args do
      local name, value = args[i]:match("^([^:]+): (.*)$")
      wrk.headers[name] = value
   end
end

-- Counts answers by status, so that a fast error is not taken for a fast answer.
local counts = {}
local threads = {}
function setup(thread) table.insert(threads, thread) end
good = 0
bad = 0
function response(status)
   if status == 200 or status == 202 then good = good + 1 else bad = bad + 1 end
end

function done(summary, latency)
   local good_sum, bad_sum = 0, 0
   for _, thread in ipairs(threads) do
      good_sum = good_sum + thread:get("good")
      bad_sum = bad_sum + thread:get("bad")
   end
   local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
   io.write(string.format(
      '{"requests":%d,"good":%d,"bad":%d,"socket_errors":%d,"us":%d,"p50_us":%d,"p99_us":%d}\n',
      summary.requests, good_sum, bad_sum, errors, summary.duration,
      latency:percentile(50), latency:percentile(99)))
end
