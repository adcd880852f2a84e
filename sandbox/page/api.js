/** The page's calls to the sandbox's server. */

const BASE = "/page/api/";

/** GET; throws an Error that says what was asked when the answer is not 200. */
export async function get(path, query = {}) {
  const search = new URLSearchParams(query).toString();
  const response = await fetch(`${BASE}${path}${search ? `?${search}` : ""}`, { cache: "no-store" });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** POST of a JSON object; what the server answers, or {ok: false, error} when it cannot be reached or fails. */
export async function post(path, body) {
  try {
    const response = await fetch(`${BASE}${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    return isJson ? await response.json() : { ok: false, error: `The sandbox refused that: ${await response.text()}` };
  } catch {
    return { ok: false, error: "The sandbox cannot be reached." };
  }
}
