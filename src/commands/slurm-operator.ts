import { runOperatorCommand } from "../operator/operator-command.ts";

void runOperatorCommand();
