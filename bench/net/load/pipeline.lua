-- SPDX-License-Identifier: Apache-2.0
-- For wrk: sixteen requests in one piece; wrk counts their answers.
local depth = 16
local piece

function init()
  local request = wrk.format("GET", wrk.path)
  piece = string.rep(request, depth)
end

function request()
  return piece
end
