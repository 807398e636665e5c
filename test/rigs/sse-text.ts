/** A frame of a stream as it came over the wire. */
export interface WireFrame {
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

export interface SseListener {
  /** The status of the answer. */
  onStatus(status: number): void;
  onRetry(retryMs: number): void;
  onFrame(frame: WireFrame): void;
  /** The server has ended its answer whole. */
  onEnd(): void;
}

/**
 * Takes an answer apart that holds a stream: head, chunks, frames. It does what thousands of clients
 * in one process need and no more: bytes are characters, since what rigs send is ASCII.
 */
export class SseText {
  readonly #listener: SseListener;
  #text = '';
  #isHeadOver = false;
  #isChunked = false;
  /** Of the chunk that is being read. */
  #leftBytes = 0;
  #body = '';

  constructor(listener: SseListener) {
    this.#listener = listener;
  }

  /** Whether the answer is whole once the server closes the connection. */
  get endsWithConnection(): boolean {
    return this.#isHeadOver && !this.#isChunked;
  }

  feed(text: string): void {
    this.#text += text;
    if (!this.#isHeadOver && !this.#readHead()) return;
    if (this.#isChunked) while (this.#readChunk());
    else {
      this.#body += this.#text;
      this.#text = '';
    }
    this.#readFrames();
  }

  #readHead(): boolean {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const head = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 4);
    this.#isHeadOver = true;
    this.#isChunked = /^transfer-encoding: *chunked/im.test(head);
    this.#listener.onStatus(Number(head.slice(9, 12)));
    return true;
  }

  /** Whether there may be more to read. */
  #readChunk(): boolean {
    if (this.#leftBytes === 0) {
      const end = this.#text.indexOf('\r\n');
      if (end === -1) return false;
      const size = Number.parseInt(this.#text.slice(0, end), 16);
      if (size === 0) {
        this.#readFrames();
        this.#listener.onEnd();
        return false;
      }
      this.#text = this.#text.slice(end + 2);
      // With the line's end behind it.
      this.#leftBytes = size + 2;
    }
    const part = this.#text.slice(0, this.#leftBytes);
    this.#text = this.#text.slice(part.length);
    const before = this.#leftBytes;
    this.#leftBytes -= part.length;
    this.#body += part.slice(0, Math.max(0, before - 2));
    return this.#leftBytes === 0;
  }

  #readFrames(): void {
    for (let end = this.#body.indexOf('\n\n'); end !== -1; end = this.#body.indexOf('\n\n')) {
      const block = this.#body.slice(0, end);
      this.#body = this.#body.slice(end + 2);
      const fields = { id: '', event: '', data: '', retry: '' };
      for (const line of block.split('\n')) {
        const [name = '', value = ''] = line.split(/: ?(.*)/s);
        if (name in fields) fields[name as keyof typeof fields] = value;
      }
      if (fields.retry !== '') this.#listener.onRetry(Number(fields.retry));
      if (fields.event === '') continue;
      this.#listener.onFrame({ id: fields.id, name: fields.event, data: fields.data });
    }
  }
}
