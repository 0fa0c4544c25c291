// The token opens a session; the browser keeps a cookie that scripts cannot read, never the token.
import { useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { login } from "../state/session";
import { Mark } from "../ui/icons";
import { ErrorNote } from "../ui/states";

export function Login() {
  const [token, setToken] = useState("");
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const text = token.trim();
    if (text === "") return setError(new ApiError(0, "empty", "a token is needed", "It begins with rw_."));
    setBusy(true);
    try {
      await login(text);
    } catch (problem) {
      const known = problem instanceof ApiError ? problem : new ApiError(0, "console", String(problem));
      setError(known.status === 401 && !known.hint ? new ApiError(401, known.code, known.message, "Check that the whole token was copied: it begins with rw_.") : known);
      setBusy(false);
    }
  };
  return (
    <main class="login" data-testid="view-login">
      <form onSubmit={submit}>
        <div class="login-mark"><Mark size={34} /><span>Ringwall</span></div>
        <label for="token">Access token</label>
        <input id="token" data-testid="token" type="password" name="token" autocomplete="current-password" placeholder="rw_…" spellcheck={false} autofocus value={token} aria-invalid={error !== undefined} onInput={(event) => setToken(event.currentTarget.value)} />
        {error && <ErrorNote error={error} compact />}
        <button type="submit" class="button button-primary" data-testid="login" disabled={busy}>{busy ? "Opening…" : "Log in"}</button>
        <p class="quiet">The administrator's token was printed once, when Ringwall first started. On that machine <code>ringwall status --json</code> gives a fresh one.</p>
      </form>
    </main>
  );
}
