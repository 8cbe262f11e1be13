/** What the emulators of this machine take, and do not check. Frozen: the SDK writes into what it is given. */
export const CREDENTIALS = Object.freeze({ accessKeyId: 'local', secretAccessKey: 'local' });
