-- What wrk asks for, from its environment, and what it says at the end: one line that `wrk.py` reads.

local delay_ms = tonumber(os.getenv("ASK_DELAY_MS") or "0")

function init()
   wrk.path = os.getenv("ASK_TARGET")
   wrk.headers["Host"] = os.getenv("ASK_HOST")
   if os.getenv("ASK_CLOSE") == "1" then
      wrk.headers["Connection"] = "close"
   end
end

if delay_ms > 0 then
   -- Not all at the same moment. The clock of a latency begins behind the delay.
   function delay()
      return math.random(0, math.floor(2 * delay_ms + 0.5))
   end
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format("asked %d %d %f %f %f %d %d %d %d %d\n", summary.requests, summary.duration,
      latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
      e.connect, e.read, e.write, e.timeout, e.status))
end
