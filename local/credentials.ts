/** What the emulators of this machine take, and do not check. */
export const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
