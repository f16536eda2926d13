class ReconnectingWebSocket {
constructor(url, options = {}) {
this.url = url;
this.reconnectInterval = options.reconnectInterval || 3000;
this.maxReconnectAttempts = options.maxReconnectAttempts || 10;
this.reconnectAttempts = 0;
this.handlers = { open: [], message: [], close: [], error: [] };
this.connect();
}
connect() {
this.ws = new WebSocket(this.url);
this.ws.onopen = (e) => {
console.log('연결됨');
this.reconnectAttempts = 0;
this.handlers.open.forEach(h => h(e));
};
this.ws.onmessage = (e) => {
this.handlers.message.forEach(h => h(e));
};
this.ws.onclose = (e) => {
console.log('연결 종료');
this.handlers.close.forEach(h => h(e));
this.reconnect();
};
this.ws.onerror = (e) => {
console.error('에러');
this.handlers.error.forEach(h => h(e));
};
}
reconnect() {
if (this.reconnectAttempts >= this.maxReconnectAttempts) {
console.log('최대 재연결 시도 횟수 초과');
return;
}
this.reconnectAttempts++;
console.log(`재연결 시도 ${this.reconnectAttempts}...`);
setTimeout(() => {
this.connect();
}, this.reconnectInterval);
}
on(event, handler) {
if (this.handlers[event]) {
this.handlers[event].push(handler);
}
}
send(data) {
if (this.ws.readyState === WebSocket.OPEN) {
this.ws.send(data);
}
}
close() {
this.ws.close();
}
}
// 사용
const ws = new ReconnectingWebSocket('ws://localhost:8080');
ws.on('message', (e) => {
console.log('메시지:', e.data);
});
