// Who is logged in.  undefined: not asked yet; null: nobody, and the login is shown over whatever the address says.
import { signal } from "@preact/signals";
import { api, ApiError, onSessionEnded } from "../api/client";

export const user = signal<string | null | undefined>(undefined);
export const unreachable = signal<ApiError | null>(null);

onSessionEnded(() => {
  if (user.value) user.value = null;
});

const retryMs = 3000;

export async function askSession(): Promise<void> {
  try {
    user.value = (await api.session()).user;
    unreachable.value = null;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      user.value = null;
      unreachable.value = null;
      return;
    }
    unreachable.value = error as ApiError;
    setTimeout(() => void askSession(), retryMs);
  }
}

export async function login(token: string): Promise<void> {
  await api.login(token);
  await askSession();
}

export async function logout(): Promise<void> {
  await api.logout();
  user.value = null;
}
